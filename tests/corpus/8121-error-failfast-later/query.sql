SELECT k, v FROM strict
