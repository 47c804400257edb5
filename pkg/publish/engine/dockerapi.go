package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/imgo-build/imgo/internal/environ"
)

// dockerAPI is the part of docker's HTTP API that is needed here. Paths go without a
// version: every daemon answers those with its own.
// See https://docs.docker.com/reference/api/engine/.
type dockerAPI struct {
	host   dockerHost
	client *http.Client
}

func newDockerAPI(host dockerHost, env environ.Environ) *dockerAPI {
	return &dockerAPI{host: host, client: &http.Client{Transport: host.transport(env)}}
}

// answerLimit bounds an answer in bytes: a list of some ten thousand images.
const answerLimit = 32 << 20

// send makes a request and returns whatever the daemon answers.
func (a *dockerAPI) send(ctx context.Context, method, path string, query url.Values, body io.Reader) (*http.Response, error) {
	target := a.host.url() + (&url.URL{Path: path}).EscapedPath()
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, method, target, body)
	if err != nil {
		return nil, err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/x-tar")
	}
	resp, err := a.client.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, a.host.daemonError(err)
	}
	return resp, nil
}

// do makes a request that must succeed; the caller closes the answer's body.
func (a *dockerAPI) do(ctx context.Context, method, path string, query url.Values, body io.Reader) (*http.Response, error) {
	resp, err := a.send(ctx, method, path, query, body)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode < 300 {
		return resp, nil
	}
	defer resp.Body.Close()
	return nil, a.refusal(resp)
}

// refusal makes an error of an answer that is one.
func (a *dockerAPI) refusal(resp *http.Response) error {
	e := &EngineError{Engine: Docker, Kind: Refused, Where: a.host.name}
	if resp.StatusCode == http.StatusForbidden || resp.StatusCode == http.StatusUnauthorized {
		e.Kind = Denied
	}
	raw, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	var said struct{ Message string }
	if json.Unmarshal(raw, &said) != nil || said.Message == "" {
		said.Message = http.StatusText(resp.StatusCode)
	}
	e.Reason = fmt.Sprintf("the daemon answered %d: %s", resp.StatusCode, oneLine(said.Message))
	return e
}

// get decodes the answer to a question about something, which may not be found.
func (a *dockerAPI) get(ctx context.Context, path string, query url.Values, to any) (header http.Header, found bool, err error) {
	resp, err := a.send(ctx, http.MethodGet, path, query, nil)
	if err != nil {
		return nil, false, err
	}
	defer resp.Body.Close()
	body := io.LimitReader(resp.Body, answerLimit)
	defer func() { _, _ = io.Copy(io.Discard, body) }() // so that the connection is used again
	switch {
	case resp.StatusCode == http.StatusNotFound:
		return resp.Header, false, nil
	case resp.StatusCode != http.StatusOK:
		return resp.Header, false, a.refusal(resp)
	}
	if err := json.NewDecoder(body).Decode(to); err != nil {
		return resp.Header, false, a.unreadable(ctx, err)
	}
	return resp.Header, true, nil
}

// load sends a tar and reads what became of it.
func (a *dockerAPI) load(ctx context.Context, tar io.Reader) error {
	resp, err := a.do(ctx, http.MethodPost, "/images/load", url.Values{"quiet": {"1"}}, tar)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	return a.loaded(ctx, io.LimitReader(resp.Body, answerLimit))
}

// loaded reads the messages that end a load. The status was sent before the daemon
// knew how it would go, so errors are among them.
func (a *dockerAPI) loaded(ctx context.Context, body io.Reader) error {
	refuse := func(reason string) error {
		return &EngineError{Engine: Docker, Kind: Refused, Where: a.host.name, Reason: "loading the image: " + oneLine(reason)}
	}
	done := false
	for messages := json.NewDecoder(body); ; {
		var m struct {
			Stream      string
			Error       string
			ErrorDetail struct{ Message string }
		}
		err := messages.Decode(&m)
		switch {
		case err == io.EOF && done:
			return nil
		case err == io.EOF:
			return refuse("the daemon does not say that it did")
		case err != nil:
			return a.unreadable(ctx, err)
		case m.ErrorDetail.Message != "":
			return refuse(m.ErrorDetail.Message)
		case m.Error != "":
			return refuse(m.Error)
		case strings.HasPrefix(m.Stream, "Error unpacking"): // containerd's; the image is there and can't run
			return refuse(m.Stream)
		case strings.HasPrefix(m.Stream, "Loaded image"):
			done = true
		}
	}
}

// unreadable makes an error of an answer that can't be decoded.
func (a *dockerAPI) unreadable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	_, syntax := errors.AsType[*json.SyntaxError](err)
	_, kind := errors.AsType[*json.UnmarshalTypeError](err)
	if !syntax && !kind {
		return a.host.daemonError(err)
	}
	return &EngineError{Engine: Docker, Kind: Refused, Where: a.host.name, Err: err,
		Reason: a.host.name + " answered something that is not docker's JSON"}
}
