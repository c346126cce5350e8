"""In which encoding a text is, by its bytes alone: many languages, code pages of every system, marks, escapes and zeros."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sources.formats.encoding.text_encoding import guessed_encoding
from tests.conftest import Feed
from tests.sources.landed import land, text_columns

TEXTS = {
    "de": "Name;Straße;Ort\nMüller;Hauptstraße 5;Köln\nWeiß;Königsallee;Düsseldorf\nSchröder;Gärtnerweg;Lübeck\n",
    "fr": "nom;prénom;ville\nLefèvre;Hélène;Évry\nGérard;François;Besançon\nHébert;Noël;Alès\n",
    "es": "nombre;ciudad;calle\nMuñoz;Málaga;Gran Vía\nPeña;León;Núñez de Balboa\nGarcía;Cádiz;Corazón\n",
    "da": "navn;by\nSøren Kjær;Århus\nÅse Møller;Ærøskøbing\nJørgen;Helsingør\n",
    "lt": "vardas;miestas\nJonas Petrauskas;Šiauliai\nŽydrūnas;Panevėžys\nUgnė;Kėdainiai\nRūta;Mažeikiai\n",
    "cs": "jméno;město;ulice\nJiří Dvořák;Plzeň;Růžová\nŽaneta;Ústí nad Labem;Třešňová\nŠárka;Děčín;Křížová\n",
    "hu": "név;város\nSzabó Győző;Győr\nTóth Ödön;Szőlőskert\nKovács Ágnes;Kőszeg\nHorváth;Békéscsaba\n",
    "tr": "ad;şehir;sokak\nGökçe Yılmaz;İstanbul;Çiçek\nŞükrü Öztürk;Eskişehir;Güneş\nAyşe Çağlar;Muğla;Barış\n",
    "ru": "имя;город;улица\nИванов Пётр;Москва;Ленина\nКузнецова Мария;Тверь;Садовая\nПопова Ольга;Уфа;Лесная\n",
    "bg": "име;град;улица\nГеоргиев Иван;София;Витоша\nПетрова Мария;Пловдив;Княжевска\nДимитров Щерю;Варна;Левски\n",
    "uk": "ім'я;місто;вулиця\nШевченко Тарас;Київ;Хрещатик\nЇжакевич Іван;Чернігів;Лісова\nЄвтушенко;Харків;Сумська\n",
    "sr": "име;град\nЈовановић Ђорђе;Београд\nЊегош Љубица;Ниш\nЋирић Џемал;Нови Сад\n",
    "el": "όνομα;πόλη;οδός\nΓιώργος Παππάς;Αθήνα;Ερμού\nΕλένη;Θεσσαλονίκη;Τσιμισκή\nΚώστας;Ηράκλειο;Νίκης\n",
    "he": "שם;עיר\nמשה כהן;ירושלים\nרחל לוי;תל אביב\nדוד מזרחי;חיפה\n",
    "ar": "الاسم;المدينة\nمحمد علي;القاهرة\nفاطمة حسن;الإسكندرية\nعبد الله;الجيزة\n",
    "th": "ชื่อ;เมือง\nสมชาย ใจดี;กรุงเทพมหานคร\nสมหญิง รักไทย;เชียงใหม่\nประเสริฐ;ขอนแก่น\n",
    "ja": "氏名;都市;住所\n山田太郎;東京;千代田区\n鈴木花子;大阪;中央区\nコバヤシ;横浜;はんかく\n",
    "zh": "姓名;城市;地址\n王伟;北京;朝阳区\n李娜;上海;浦东新区\n张敏;广州;天河区\n",
    "ko": "이름;도시\n김철수;서울\n이영희;부산광역시\n박민수;대구\n",
}
PAGES = {
    "de": "cp1252 cp850 cp437 iso8859-15 mac-roman", "fr": "cp1252 cp850 iso8859-15 mac-roman", "es": "cp1252 cp850 cp437 mac-roman",
    "da": "cp1252 cp850 cp865 mac-roman", "lt": "cp1257 iso8859-13 cp775", "cs": "cp1250 iso8859-2 cp852 mac-latin2",
    "hu": "cp1250 iso8859-2 cp852", "tr": "cp1254 iso8859-9 cp857 mac-turkish",
    "ru": "cp1251 koi8-r iso8859-5 cp866 cp855 mac-cyrillic", "bg": "cp1251 iso8859-5 cp866 cp855 mac-cyrillic",
    "uk": "cp1251 koi8-u iso8859-5 mac-cyrillic", "sr": "cp1251 iso8859-5 cp855 mac-cyrillic", "el": "cp1253 iso8859-7 cp737 mac-greek",
    "he": "cp1255 iso8859-8 cp862", "ar": "cp1256 iso8859-6", "th": "cp874 tis-620", "ja": "shift_jis euc_jp iso2022_jp iso2022_jp_2",
    "zh": "gbk gb18030 hz", "ko": "cp949 euc_kr iso2022_kr",
}  # fmt: skip
CASES = [(language, page) for language, pages in PAGES.items() for page in pages.split()]
WIDE = ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be")


def read(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    return content.decode(guessed_encoding(path).name).removeprefix("\ufeff")


@pytest.mark.parametrize(("language", "page"), CASES)
def test_a_page_is_told_by_its_letters(language: str, page: str, tmp_path: Path) -> None:
    assert read(tmp_path / "e", TEXTS[language].encode(page)) == TEXTS[language]


@pytest.mark.parametrize("encoding", WIDE)
@pytest.mark.parametrize("language", TEXTS)
def test_two_or_four_bytes_a_character_need_no_mark(language: str, encoding: str, tmp_path: Path) -> None:
    text = TEXTS[language].replace("\n", "\r\n")
    assert read(tmp_path / "e", text.encode(encoding)) == text


@pytest.mark.parametrize("page", ["cp1252", "cp850"])
@pytest.mark.parametrize("word", ["Müller", "José", "François", "Orléans", "Señor", "GRÜN", "Zoë", "naïve", "Åse"])
def test_one_letter_is_of_the_west(word: str, page: str, tmp_path: Path) -> None:
    text = f"id;name\n1;Smith\n2;Anna {word}\n3;Jones\n"
    assert read(tmp_path / "e", text.encode(page)) == text


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    words=st.lists(st.sampled_from(["Müller", "Orléans", "Nuñez", "Jürgen", "Besançon", "Łódź"]), min_size=1, max_size=2),
    zeros=st.integers(1, 3), place=st.integers(0, 60), encoding=st.sampled_from(["utf-8", "cp1252"]),
)  # fmt: skip
def test_a_few_zeros_are_letters_of_a_record(
    words: list[str], zeros: int, place: int, encoding: str, tmp_path: Path
) -> None:
    text = "id,name,town\n" + "".join(f"{n},{word},x\n" for n, word in enumerate([*words, "Smith", "Jones"] * 5))
    text = text.replace("Łódź", "Lodz")
    text = text[:place] + "\0" * zeros + text[place:]
    assert read(tmp_path / "e", text.encode(encoding)) == text


def test_one_zero_costs_no_record(tmp_path: Path) -> None:
    feed = Feed(text_columns("a", "b"), encoding="detect", options={"dialect": "detect"})
    found = land(tmp_path, b"a,b\n1,x\0\n2,y\n", feed)
    assert [tuple(row.values()) for row in found.rows] == [("1", "x\0"), ("2", "y")]


def test_escapes_are_told_to_be_a_guess(tmp_path: Path) -> None:
    feed = Feed(text_columns("a", "b"), encoding="detect")
    found = land(tmp_path, "a,b\n1,山田\n2,y\n".encode("iso2022_jp"), feed)
    assert [tuple(row.values()) for row in found.rows] == [("1", "山田"), ("2", "y")]
    assert found.manifest.mended[0]["reason"] == "read as iso2022_jp, which is a guess"
    path = tmp_path / "e"
    path.write_bytes(b"a,b\n1,\x1b$)A\x0e0!0!\x0f\n")
    assert "an encoding that is not read" in guessed_encoding(path).doubt


def test_an_escape_of_a_terminal_is_none_of_letters(tmp_path: Path) -> None:
    path = tmp_path / "e"
    path.write_bytes(b"a,b\n1,\x1b[31mred\x1b[0m ~{x\n")
    assert (guessed_encoding(path).name, guessed_encoding(path).doubt) == ("utf-8", "")
