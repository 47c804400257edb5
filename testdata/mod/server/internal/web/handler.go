package web

import (
	"fmt"
	"net/http"
	"os"
	"time"
)

// Handler answers the server's requests. Outgoing ones go through client.
func Handler(client *http.Client) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", greet)
	mux.HandleFunc("GET /healthz", healthz)
	mux.HandleFunc("GET /whoami", whoami)
	mux.HandleFunc("GET /tz", newYork)
	mux.HandleFunc("GET /tmp", tempFile)
	mux.Handle("GET /fetch", fetch(client))
	return mux
}

func greet(w http.ResponseWriter, _ *http.Request) {
	fmt.Fprintln(w, "Hello from a container built by imgo.")
}

func healthz(w http.ResponseWriter, _ *http.Request) {
	fmt.Fprintln(w, "ok")
}

// whoami prints the user and group, and the working directory.
func whoami(w http.ResponseWriter, _ *http.Request) {
	dir, err := os.Getwd()
	if err != nil {
		fail(w, err)
		return
	}
	fmt.Fprintf(w, "%d:%d %s\n", os.Getuid(), os.Getgid(), dir)
}

// newYork prints the time in a zone that must be loaded from the file system.
func newYork(w http.ResponseWriter, _ *http.Request) {
	zone, err := time.LoadLocation("America/New_York")
	if err != nil {
		fail(w, err)
		return
	}
	fmt.Fprintln(w, time.Now().In(zone).Format(time.RFC1123Z))
}

// tempFile writes and removes a file.
func tempFile(w http.ResponseWriter, _ *http.Request) {
	f, err := os.CreateTemp("", "server-")
	if err != nil {
		fail(w, err)
		return
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString("hello\n")
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		fail(w, err)
		return
	}
	fmt.Fprintln(w, "wrote", f.Name())
}

// fetch requests the URL in the query and prints the status it gets. TLS goes by
// the system's roots.
func fetch(client *http.Client) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		req, err := http.NewRequestWithContext(r.Context(), http.MethodGet, r.URL.Query().Get("url"), nil)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		resp, err := client.Do(req)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer resp.Body.Close()
		fmt.Fprintln(w, resp.Status)
	})
}

func fail(w http.ResponseWriter, err error) {
	http.Error(w, err.Error(), http.StatusInternalServerError)
}
