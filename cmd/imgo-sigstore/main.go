// Command imgo-sigstore makes and verifies signatures for imgo: it is the one program
// that knows cosign's and sigstore's libraries, so that imgo itself starts quickly.
//
// It reads one request from its standard input and writes one response to its standard
// output, both JSON (package wire). It exits with 0 when it has written a response,
// whatever that says; with 2 when there was no request. It ends early with 1 on a
// signal, or when whoever started it closes the standard input before the response:
// that is how it notices that imgo is gone.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/term"

	"github.com/imgo-build/imgo/internal/attest/sign"
	"github.com/imgo-build/imgo/internal/attest/wire"
)

const misuse = `imgo-sigstore makes and verifies signatures for imgo, which runs it: there is nothing
to run by hand. Keep it beside imgo, or in a folder of PATH. To sign or verify, see
"imgo sign --help" and "imgo verify --help".
`

func main() { os.Exit(run()) }

func run() int {
	// A library that prints would spoil the response.
	out := os.Stdout
	os.Stdout = os.Stderr
	log.SetOutput(io.Discard)

	if len(os.Args) > 1 || term.IsTerminal(int(os.Stdin.Fd())) {
		fmt.Fprint(os.Stderr, misuse)
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, gone := context.WithCancel(ctx)
	defer gone()

	req, rest, err := readRequest(os.Stdin)
	if err != nil {
		fmt.Fprintf(os.Stderr, "imgo-sigstore: reading the request: %s\n\n%s", err, misuse)
		return 2
	}
	go func() {
		_, _ = io.Copy(io.Discard, rest)
		gone()
	}()

	done := make(chan *wire.Response, 1)
	go func() { done <- sign.Serve(ctx, req, os.Stderr) }()
	select {
	case <-ctx.Done():
		fmt.Fprintln(os.Stderr, "imgo-sigstore: interrupted")
		return 1
	case resp := <-done:
		if err := json.NewEncoder(out).Encode(resp); err != nil {
			fmt.Fprintln(os.Stderr, "imgo-sigstore: writing the response:", err)
			return 1
		}
		return 0
	}
}

// readRequest reads the request, and returns what comes after it. Of a request in
// another version only the version is read.
func readRequest(r io.Reader) (*wire.Request, io.Reader, error) {
	var text json.RawMessage
	d := json.NewDecoder(io.LimitReader(r, wire.MaxMessage))
	if err := d.Decode(&text); err != nil {
		if errors.Is(err, io.EOF) {
			err = errors.New("there is none")
		}
		return nil, nil, err
	}
	var version struct {
		Version int `json:"version"`
	}
	if err := json.Unmarshal(text, &version); err != nil {
		return nil, nil, err
	}
	req := &wire.Request{Version: version.Version}
	if version.Version == wire.Version {
		if err := json.Unmarshal(text, req); err != nil {
			return nil, nil, err
		}
	}
	return req, r, nil
}
