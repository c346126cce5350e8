"""Noise of a Laplace distribution, drawn from a secret: made again it is the same, and without the secret nobody takes it off."""

# Half of the engine's 128-bit hash as a number from 0 to 1; never either.
_UNIFORM = "((CAST(md5_number_lower({seed}) AS DOUBLE) + 0.5) / 18446744073709551616.0)"


def noised(sql: str, type_: str, scale: float, seed: str) -> str:
    """SQL of the number with noise whose mean deviation is `scale`, of the number's own type. `seed` is SQL of a secret text."""
    uniform = _UNIFORM.format(seed=seed)
    # The inverse of the distribution's function (e.g. Devroye 1986, II.2).
    drawn = f"{scale!r} * CASE WHEN {uniform} < 0.5 THEN ln(2 * {uniform}) ELSE -ln(2 * (1 - {uniform})) END"
    if type_ in ("FLOAT", "DOUBLE"):
        return f"CAST({sql} + {drawn} AS {type_})"
    exact = type_ if type_.startswith("DECIMAL") else "BIGINT"
    return f"CAST({sql} + CAST({drawn} AS {exact}) AS {type_})"
