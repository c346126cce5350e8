"""Systems that speak HTTP(S): APIs, pages of records, downloads, X-Road."""
