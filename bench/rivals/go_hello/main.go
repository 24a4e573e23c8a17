// Go's net/http with an answer of two bytes. What our HTTP layer is measured against.
package main

import (
	"fmt"
	"net/http"
	"os"
)

func main() {
	answer := []byte("ok")
	http.HandleFunc("/", func(writer http.ResponseWriter, _ *http.Request) {
		writer.Header().Set("Content-Type", "text/plain")
		writer.Write(answer)
	})
	if err := http.ListenAndServe("127.0.0.1:"+os.Args[1], nil); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
