// Command server is a service whose image has every setting there is.
package main

import (
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

// version is set by the linker.
var version = "unknown"

// main serves until a signal comes, or checks the health of such a server: "health" is
// its only argument then.
func main() {
	port := "8080"
	if p := os.Getenv("PORT"); p != "" {
		port = p
	}
	if len(os.Args) == 2 && os.Args[1] == "health" {
		resp, err := http.Get("http://127.0.0.1:" + port + "/healthz")
		if err != nil || resp.StatusCode != http.StatusOK {
			os.Exit(1)
		}
		return
	}
	fmt.Println("version", version)
	fmt.Println("arguments", strings.Join(os.Args[1:], " "))
	signals := make(chan os.Signal, 1)
	signal.Notify(signals)
	http.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	go func() {
		fmt.Println(http.ListenAndServe(":"+port, nil))
		os.Exit(1)
	}()
	for s := range signals {
		if s != syscall.SIGURG { // the Go runtime's own
			fmt.Println("signal", s)
			return
		}
	}
}
