SELECT p.k, r.name, p.v * r.factor AS scaled FROM points p LEFT JOIN names r ON p.k = r.k WHERE p.v <> 2
