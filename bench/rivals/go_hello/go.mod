module bitacora/bench/go_hello

go 1.19
