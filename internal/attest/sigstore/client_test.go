package sigstore

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/imgo-build/imgo/internal/attest/wire"
)

// TestMain is imgo-sigstore where the environment says so: each test links or copies
// its own binary to where the client looks.
func TestMain(m *testing.M) {
	if mode := os.Getenv("FAKE_SIGSTORE"); mode != "" {
		fake(mode)
	}
	os.Exit(m.Run())
}

func fake(mode string) {
	var req wire.Request
	d := json.NewDecoder(os.Stdin)
	if err := d.Decode(&req); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	resp := wire.Response{Version: wire.Version}
	switch mode {
	case "answer":
		text, _ := json.Marshal(&req)
		secret := strings.Contains(strings.Join(append(os.Environ(), os.Args...), " "), "s3cret")
		resp.Sign = &wire.SignResponse{Bundles: []json.RawMessage{text}, Identity: wire.Identity{SAN: fmt.Sprint(secret)}}
		resp.Verify = &wire.VerifyResponse{}
	case "version":
		_, _ = os.Stdout.WriteString(`{"version":99,"sign":"something new"}`)
		os.Exit(0)
	case "refuse":
		resp.Error = &wire.Error{Code: wire.CodeWrongPassword, Message: "wrong"}
	case "junk":
		_, _ = os.Stdout.WriteString("hello")
		os.Exit(0)
	case "crash":
		fmt.Fprintln(os.Stderr, "out of luck")
		os.Exit(3)
	case "hang":
		fmt.Fprintln(os.Stderr, "waiting")
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(1)
	}
	_ = json.NewEncoder(os.Stdout).Encode(resp)
	_, _ = io.Copy(io.Discard, os.Stdin)
	os.Exit(0)
}

// install puts the program into a folder.
func install(t *testing.T, dir string) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, Program+suffix(runtime.GOOS))
	if os.Link(self, path) == nil {
		return path
	}
	b, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func client(t *testing.T, mode string, words io.Writer) *Client {
	t.Helper()
	dir := t.TempDir()
	install(t, dir)
	return New(Options{Path: dir, Env: append(os.Environ(), "FAKE_SIGSTORE="+mode), Version: "v1.2.3", Words: words})
}

func request() *wire.SignRequest {
	return &wire.SignRequest{
		Signer:     wire.Signer{Key: "s3cret key", Password: "s3cret", Token: "s3cret token"},
		Statements: [][]byte{bytes.Repeat([]byte("long "), 100_000)},
	}
}

func TestAsk(t *testing.T) {
	c := client(t, "answer", nil)
	resp, err := c.Sign(t.Context(), request())
	if err != nil {
		t.Fatal(err)
	}
	var got wire.Request
	if err := json.Unmarshal(resp.Bundles[0], &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(wire.Request{Version: wire.Version, Sign: request()}, got); diff != "" {
		t.Error(diff)
	}
	if resp.Identity.SAN != "false" {
		t.Error("secrets are in the arguments or the environment")
	}
	path, err := c.Check(t.Context())
	if err != nil || filepath.Base(path) != Program+suffix(runtime.GOOS) {
		t.Error(path, err)
	}
	// An answer to less than was asked is none.
	_, err = c.Verify(t.Context(), &wire.VerifyRequest{Bundles: []json.RawMessage{[]byte("{}")}})
	if e := (*wire.Error)(nil); !errors.As(err, &e) || e.Code != wire.CodeProtocol {
		t.Error(err)
	}
}

func TestErrors(t *testing.T) {
	sign := func(mode string) error {
		_, err := client(t, mode, nil).Sign(t.Context(), request())
		return err
	}
	var coded *wire.Error
	if err := sign("refuse"); !errors.As(err, &coded) || coded.Code != wire.CodeWrongPassword {
		t.Error(err)
	}
	var version *VersionError
	if err := sign("version"); !errors.As(err, &version) || version.Theirs != 99 || version.Ours != wire.Version ||
		!strings.Contains(err.Error(), "version 99") {
		t.Error(err)
	}
	var process *ProcessError
	if err := sign("junk"); !errors.As(err, &process) {
		t.Error(err)
	}
	if err := sign("crash"); !errors.As(err, &process) || process.Said != "out of luck" {
		t.Error(err)
	}
}

// signal is a writer that tells when something is written.
type signal chan struct{}

func (s signal) Write(p []byte) (int, error) {
	close(s)
	return len(p), nil
}

func TestCancel(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	said := make(signal)
	go func() {
		<-said
		cancel()
	}()
	if _, err := client(t, "hang", said).Sign(ctx, request()); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestFind(t *testing.T) {
	beside, inPath, elsewhere := t.TempDir(), t.TempDir(), t.TempDir()
	imgo := filepath.Join(beside, "imgo")
	if err := os.WriteFile(imgo, nil, 0o755); err != nil {
		t.Fatal(err)
	}
	path := strings.Join([]string{".", "relative", elsewhere, inPath}, string(filepath.ListSeparator))
	c := New(Options{Executable: imgo, Path: path, Version: "v1.2.3"})

	t.Chdir(t.TempDir())
	install(t, ".") // a program of a repository's is not run
	var missing *MissingError
	if _, err := c.Check(t.Context()); !errors.As(err, &missing) {
		t.Fatal(err)
	}
	if want := "go install github.com/imgo-build/imgo/cmd/imgo-sigstore@v1.2.3"; missing.Install != want || missing.Beside == "" {
		t.Errorf("got %+v", missing)
	}
	want := install(t, inPath)
	if got, err := c.Find(); err != nil || got != want {
		t.Error(got, err)
	}
	want = install(t, beside)
	if got, err := c.Find(); err != nil || !same(t, got, want) {
		t.Error(got, err)
	}
	link := filepath.Join(elsewhere, "imgo")
	if err := os.Symlink(imgo, link); err != nil {
		t.Logf("no links here: %s", err)
		return
	}
	c.opts.Executable, c.opts.Path = link, ""
	if got, err := c.Find(); err != nil || !same(t, got, want) {
		t.Error(got, err)
	}
}

// same compares paths whose folders may be links themselves (macOS's /tmp).
func same(t *testing.T, a, b string) bool {
	t.Helper()
	ra, err := filepath.EvalSymlinks(a)
	if err != nil {
		t.Fatal(err)
	}
	rb, err := filepath.EvalSymlinks(b)
	if err != nil {
		t.Fatal(err)
	}
	return ra == rb
}

func TestInstallCommand(t *testing.T) {
	for version, want := range map[string]string{"": "@latest", "(devel)": "@latest", "v2.0.1": "@v2.0.1"} {
		if got := InstallCommand(version); !strings.HasSuffix(got, want) {
			t.Errorf("%q: %s", version, got)
		}
	}
}
