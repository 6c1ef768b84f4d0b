SELECT stack(2, 1, 'x', 2.5D, NULL, 'y', 3.5D)
