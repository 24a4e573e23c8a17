module bitacora/bench/load

go 1.19
