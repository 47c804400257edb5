// Package sigstore has signatures made and verified by imgo-sigstore, a program of its
// own beside imgo, and speaks its protocol (package wire). A [Client] starts it once a
// request, and it ends with the request.
//
// Secrets (keys, passwords, tokens) go through the pipe to the program's standard
// input, never into its arguments or environment. The program never outlives the
// context of its request.
//
// It is not for registries, and verifies nothing itself.
package sigstore

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"time"

	"github.com/imgo-build/imgo/internal/attest/wire"
)

// Options say where the program is, and how it runs.
type Options struct {
	Executable string   // imgo's own, as os.Executable names it; may be empty
	Path       string   // the folders of PATH
	Env        []string // of the program
	Dir        string   // where it runs
	Version    string   // imgo's version, for what [MissingError] tells to install
	// Words takes what the program says to the user while he signs in; nil for nobody.
	Words io.Writer
}

// Client has signatures made and verified. Its methods may be called at once.
type Client struct{ opts Options }

// New makes a client. Nothing is looked for or started yet.
func New(opts Options) *Client { return &Client{opts} }

// Sign has signatures made. Besides this package's errors there is a [*wire.Error].
func (c *Client) Sign(ctx context.Context, req *wire.SignRequest) (*wire.SignResponse, error) {
	resp, err := c.ask(ctx, &wire.Request{Sign: req})
	if err != nil {
		return nil, err
	}
	r := resp.Sign
	if r == nil || len(r.Bundles) != len(req.Statements) || len(r.Simple) != len(req.Simple) {
		return nil, &wire.Error{Code: wire.CodeProtocol, Message: "imgo-sigstore answered something else than it was asked"}
	}
	return r, nil
}

// Verify has signatures judged. That one of them is bad is no error.
func (c *Client) Verify(ctx context.Context, req *wire.VerifyRequest) (*wire.VerifyResponse, error) {
	resp, err := c.ask(ctx, &wire.Request{Verify: req})
	if err != nil {
		return nil, err
	}
	r := resp.Verify
	if r == nil || len(r.Bundles) != len(req.Bundles) || len(r.Simple) != len(req.Simple) || len(r.Envelopes) != len(req.Envelopes) {
		return nil, &wire.Error{Code: wire.CodeProtocol, Message: "imgo-sigstore answered something else than it was asked"}
	}
	return r, nil
}

// PublicKey asks who a key is. It also finds out whether a password is right.
func (c *Client) PublicKey(ctx context.Context, req *wire.PublicKeyRequest) (*wire.Identity, error) {
	resp, err := c.ask(ctx, &wire.Request{PublicKey: req})
	if err != nil {
		return nil, err
	}
	if resp.PublicKey == nil {
		return nil, &wire.Error{Code: wire.CodeProtocol, Message: "imgo-sigstore answered something else than it was asked"}
	}
	return resp.PublicKey, nil
}

// Check finds the program, and asks for its version only.
func (c *Client) Check(ctx context.Context) (path string, err error) {
	if path, err = c.Find(); err != nil {
		return "", err
	}
	_, err = c.ask(ctx, &wire.Request{})
	return path, err
}

// ask has one request answered.
func (c *Client) ask(ctx context.Context, req *wire.Request) (*wire.Response, error) {
	path, err := c.Find()
	if err != nil {
		return nil, err
	}
	req.Version = wire.Version
	text, err := json.Marshal(req)
	if err != nil {
		return nil, err
	}
	out, err := c.run(ctx, path, text)
	if err != nil {
		return nil, err
	}
	var version struct {
		Version int `json:"version"`
	}
	if err := json.Unmarshal(out, &version); err != nil {
		return nil, &ProcessError{Path: path, Err: fmt.Errorf("reading its response: %w", err)}
	}
	if version.Version != wire.Version {
		return nil, &VersionError{Path: path, Ours: wire.Version, Theirs: version.Version, Version: c.opts.Version}
	}
	resp := &wire.Response{}
	if err := json.Unmarshal(out, resp); err != nil {
		return nil, &ProcessError{Path: path, Err: fmt.Errorf("reading its response: %w", err)}
	}
	if resp.Error != nil {
		return nil, resp.Error
	}
	return resp, nil
}

// patience is how long the program may take to end after it has answered or was killed.
const patience = 5 * time.Second

// run starts the program, and returns what it writes. Its standard input stays open
// until then, because the program takes the end of it for the end of imgo.
func (c *Client) run(parent context.Context, path string, request []byte) (json.RawMessage, error) {
	ctx, cancel := context.WithCancel(parent)
	defer cancel()
	cmd := exec.CommandContext(ctx, path)
	cmd.Env, cmd.Dir = c.opts.Env, c.opts.Dir
	cmd.WaitDelay = patience
	ownGroup(cmd)
	said := &words{to: c.opts.Words}
	cmd.Stderr = said
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, &ProcessError{Path: path, Err: err}
	}
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		_, _ = in.Write(request) // if it doesn't read all of it, it says why or ends
	}()
	answer, readErr := readAnswer(out)
	defer time.AfterFunc(patience, cancel).Stop()
	_ = in.Close()
	_, _ = io.Copy(io.Discard, out)
	<-sent
	waitErr := cmd.Wait()
	if parent.Err() != nil {
		return nil, context.Cause(parent)
	}
	if err := errors.Join(waitErr, readErr); err != nil {
		return nil, &ProcessError{Path: path, Err: err, Said: said.text()}
	}
	return answer, nil
}

// readAnswer reads one JSON value.
func readAnswer(r io.Reader) (json.RawMessage, error) {
	limited := &io.LimitedReader{R: r, N: wire.MaxMessage}
	var answer json.RawMessage
	err := json.NewDecoder(limited).Decode(&answer)
	switch {
	case err == nil:
		return answer, nil
	case limited.N <= 0:
		return nil, errors.New("its response is too long")
	case errors.Is(err, io.EOF):
		return nil, errors.New("it gave no response")
	}
	return nil, fmt.Errorf("reading its response: %w", err)
}

// words keeps the beginning of what the program says, and passes all of it on.
type words struct {
	to   io.Writer
	kept bytes.Buffer
}

const keptWords = 16 << 10

func (w *words) Write(p []byte) (int, error) {
	if room := keptWords - w.kept.Len(); room > 0 {
		w.kept.Write(p[:min(room, len(p))])
	}
	if w.to != nil {
		_, _ = w.to.Write(p)
	}
	return len(p), nil
}

func (w *words) text() string { return strings.TrimSpace(w.kept.String()) }
