package keychain

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// TestMain lets the test's own binary be a credential helper under another name.
func TestMain(m *testing.M) {
	name := strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe")
	if helper, ok := strings.CutPrefix(name, "docker-credential-"); ok {
		os.Exit(fakeHelper(helper, os.Args[1], os.Getenv("FAKE_HELPER_DIR")))
	}
	switch name {
	case "aws", "az", "gcloud":
		os.Exit(fakeTool(name, os.Args[1:], os.Getenv("FAKE_HELPER_DIR")))
	}
	os.Exit(m.Run())
}

// fakeTool notes how it is called and says what NAME.out and NAME.err have, of which
// the latter makes it fail.
func fakeTool(name string, args []string, dir string) int {
	here, _ := os.Getwd()
	log, _ := os.OpenFile(filepath.Join(dir, "log"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	defer log.Close()
	fmt.Fprintf(log, "%s %s\n", name, strings.Join(args, " "))
	_ = os.WriteFile(filepath.Join(dir, "where"), []byte(here), 0o600)
	out, _ := os.ReadFile(filepath.Join(dir, name+".out"))
	_, _ = os.Stdout.Write(out)
	if msg, err := os.ReadFile(filepath.Join(dir, name+".err")); err == nil {
		_, _ = os.Stderr.Write(msg)
		return 1
	}
	return 0
}

// fakeHelper keeps credentials in files of dir and a line for each call in "log".
func fakeHelper(name, action, dir string) int {
	in, _ := io.ReadAll(os.Stdin)
	log, _ := os.OpenFile(filepath.Join(dir, "log"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	defer log.Close()
	file := func(server string) string {
		return filepath.Join(dir, strings.NewReplacer("/", "_", ":", "_").Replace(server))
	}
	switch {
	case name == "broken":
		fmt.Printf("no connection to the vault\nsecond line\n")
		return 1
	case name == "leaky": // repeats what it was given
		fmt.Printf("can't do it: %s", in)
		return 1
	case name == "babbling":
		fmt.Printf("<html>")
		return 0
	case action == "store":
		var c struct{ ServerURL, Username, Secret string }
		_ = json.Unmarshal(in, &c)
		fmt.Fprintf(log, "store %s\n", c.ServerURL)
		_ = os.WriteFile(file(c.ServerURL), in, 0o600)
	case action == "erase":
		fmt.Fprintf(log, "erase %s\n", in)
		if os.Remove(file(string(in))) != nil {
			fmt.Print("credentials not found in native keychain")
			return 1
		}
	default:
		fmt.Fprintf(log, "%s %s\n", action, in)
		raw, err := os.ReadFile(file(string(in)))
		if err != nil {
			fmt.Print("credentials not found in native keychain\n")
			return 1
		}
		_, _ = os.Stdout.Write(raw)
	}
	return 0
}

// home is a user's directory with credential helpers to be, and "tool:NAME" for other
// programs.
type home struct {
	t       *testing.T
	dir     string
	options Options
}

func newHome(t *testing.T, helpers ...string) home {
	t.Helper()
	dir := t.TempDir()
	bin := filepath.Join(dir, "bin")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	h := home{t: t, dir: dir, options: FromEnv([]string{
		"HOME=" + dir, "USERPROFILE=" + dir,
		"REGISTRY_AUTH_FILE=" + filepath.Join(dir, "override.json"),
		"XDG_RUNTIME_DIR=" + filepath.Join(dir, "run"),
		"PATH=" + bin, "FAKE_HELPER_DIR=" + filepath.Join(dir, "vault"),
	})}
	h.write("vault/log", "")
	for _, name := range helpers {
		h.write("bin/.keep", "")
		target := filepath.Join(bin, "docker-credential-"+name)
		if tool, ok := strings.CutPrefix(name, "tool:"); ok {
			target = filepath.Join(bin, tool)
		}
		if runtime.GOOS == "windows" {
			target += ".exe"
		}
		if err := copyFile(self, target); err != nil {
			t.Fatal(err)
		}
	}
	return h
}

func copyFile(from, to string) error {
	if os.Link(from, to) == nil {
		return nil
	}
	raw, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, raw, 0o700)
}

func (h home) write(path, content string) {
	h.t.Helper()
	path = filepath.Join(h.dir, filepath.FromSlash(path))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		h.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		h.t.Fatal(err)
	}
}

func (h home) read(path string) string {
	h.t.Helper()
	raw, err := os.ReadFile(filepath.Join(h.dir, filepath.FromSlash(path)))
	if err != nil {
		h.t.Fatal(err)
	}
	return string(raw)
}

// vault puts credentials into the fake helpers' store.
func (h home) vault(server, user, secret string) {
	h.t.Helper()
	name := strings.NewReplacer("/", "_", ":", "_").Replace(server)
	h.write("vault/"+name, fmt.Sprintf(`{"ServerURL":%q,"Username":%q,"Secret":%q}`, server, user, secret))
}
