package configfile

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

func at(line, column int) Pos { return Pos{"f", line, column} }

func parse(t *testing.T, yaml string) *File {
	t.Helper()
	f, err := Parse([]byte(yaml), "f", "/dir")
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// valid returns one of the valid configurations.
func valid(t *testing.T, name string) *File {
	t.Helper()
	return parse(t, validText(t, name))
}

func validText(t *testing.T, name string) string {
	t.Helper()
	archive, err := txtar.ParseFile("testdata/valid.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range archive.Files {
		if f.Name == name {
			return string(f.Data)
		}
	}
	t.Fatalf("there is no %s", name)
	return ""
}

func TestPositions(t *testing.T) {
	got := parse(t, `defaults:
  base: alpine
  tags:
    - a
    - 1.10
images:
  server:
    package: ./cmd/server
    ports: [8080, 9000-9001]
    env: {B: 1, A: "x"}
    vcs: true
`)
	want := &File{
		Path: "f", Dir: "/dir",
		Defaults: Settings{
			BaseChoice: BaseChoice{Base: Value[string]{"alpine", at(2, 9)}},
			Tags:       List{Items: []Value[string]{{"a", at(4, 7)}, {"1.10", at(5, 7)}}, Pos: at(4, 5)},
		},
		Images: []Image{{Name: "server", Pos: at(7, 3), Settings: Settings{
			Package: Value[string]{"./cmd/server", at(8, 14)},
			Ports: List{Pos: at(9, 12), Items: []Value[string]{
				{"8080/tcp", at(9, 13)}, {"9000/tcp", at(9, 19)}, {"9001/tcp", at(9, 19)},
			}},
			Env: Pairs{{"B", "1", at(10, 14)}, {"A", "x", at(10, 20)}},
			VCS: Value[bool]{true, at(11, 10)},
		}}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestEverySettingIsRead(t *testing.T) {
	s := valid(t, "everything").Defaults
	pairs := func(p Pairs) string {
		var out []string
		for _, q := range p {
			out = append(out, q.Key+"="+q.Value)
		}
		return strings.Join(out, " ")
	}
	list := func(l List) string { return fmt.Sprintf("%q", l.Strings()) }
	h := s.Healthcheck.V
	var files []string
	for _, f := range s.Files.Items {
		files = append(files, fmt.Sprintf("%s>%s %o %s %q", f.From.V, f.To.V, f.Mode.V, f.Owner.V, f.Exclude.Strings()))
	}
	got := map[string]string{
		"repo": s.Repo.V, "tags": list(s.Tags), "base": s.Base.V, "bases": pairs(s.Bases), "platforms": list(s.Platforms),
		"user":    fmt.Sprintf("%q %s %d %d %s", s.User.V.Spec, s.User.V.Name.V, s.User.V.UID.V, s.User.V.GID.V, s.User.V.Home.V),
		"workdir": s.Workdir.V, "env": pairs(s.Env), "labels": pairs(s.Labels), "annotations": pairs(s.Annotations),
		"ports": list(s.Ports), "volumes": list(s.Volumes), "args": list(s.Args), "cmd": fmt.Sprintln(s.Cmd.IsSet(), list(s.Cmd)),
		"signal": s.StopSignal.V,
		"health": fmt.Sprintln(h.Test, h.URL, h.Disabled, h.Interval.V, h.Timeout.V, h.StartPeriod.V, h.StartInterval.V, h.Retries.V),
		"path":   s.BinaryPath.V, "binaries": fmt.Sprintln(s.Binaries[0].Name, s.Binaries[0].Package.V, s.Binaries[0].Path.V, s.Binaries[1].Name, s.Binaries[1].Package.V),
		"files": strings.Join(files, "; "), "ldflags": list(s.Ldflags), "gcflags": list(s.Gcflags), "buildTags": list(s.BuildTags),
		"buildEnv": pairs(s.BuildEnv), "vcs": fmt.Sprint(s.VCS.V), "types": s.MediaTypes.V, "compression": s.Compression.V, "secrets": list(s.AllowSecrets),
		"sbom": list(s.SBOM), "provenance": fmt.Sprint(s.Provenance.IsSet(), s.Provenance.V),
		"sign": fmt.Sprint(s.Sign.V.Off, s.Sign.V.Keyless.V, s.Sign.V.Key.V, s.Sign.V.Log.IsSet(), s.Sign.V.Log.V, s.Sign.V.CosignTags.V),
	}
	want := map[string]string{
		"repo": "localhost:5000/acme", "tags": `["v1" "1.10" "{{if .Git.Dirty}}dirty{{else}}clean{{end}}"]`,
		"base": "distroless", "bases": "linux/arm/v7=debian:13-slim linux/arm64=oci:bases/arm64", "platforms": `["all"]`,
		"user": `"" app 1000 1000 /`, "workdir": "/",
		"env": "INT=0x1F FLOAT=1.50 BOOL=True WORD=yes EMPTY= DATE=2024-01-02 LINES=one\ntwo\n", "labels": "1=one a b=c",
		"annotations": "org.opencontainers.image.vendor=ACME",
		"ports":       `["8080/tcp" "53/udp" "9000/tcp" "9001/tcp" "9002/tcp" "132/sctp"]`, "volumes": `["/data" "/.cache/..x"]`,
		"args": `["--port" "8080" "--verbose" "true" ""]`, "cmd": "true []\n", "signal": "SIGINT",
		"health": "[CMD /app/server health]  false 1m30s 1.5s 0s 500ms 3\n",
		"path":   "/usr/local/bin/server", "binaries": "migrate example.com/acme/migrate /bin/migrate tool ./tool\n",
		"files":   `assets/**/*.css>/srv/css/ 0  []; config>/ 644 1000 ["*.map" "!keep.map"]; a>/b 755 10001:10001 []`,
		"ldflags": `["-s -w"]`, "gcflags": `["all=-N -l" ""]`, "buildTags": `["netgo" "osusergo"]`,
		"buildEnv": "GOAMD64=v3 CGO_ENABLED=0", "vcs": "true", "types": "docker", "compression": "zstd", "secrets": `["API_KEY" "testdata/key.pem"]`,
		"sbom": `["cyclonedx" "spdx"]`, "provenance": "true false", "sign": "false false../keys/cosign.keytrue false true",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestAnchorsAndMergeKeys(t *testing.T) {
	f := valid(t, "anchors and merge keys")
	a, b := f.Images[0], f.Images[1]
	if v, _ := a.Env.Get("LOG"); v.Value != "info" || v.Pos.Line != 2 {
		t.Errorf("%+v", v)
	}
	if got := b.Ports.Strings(); len(got) != 1 || got[0] != "80/tcp" {
		t.Errorf("ports %q: the first of the merged mappings goes before the second", got)
	}
	if b.Workdir.V != "/srv" || len(b.Env) != 2 {
		t.Errorf("%+v", b)
	}
}

func TestHealthcheckForms(t *testing.T) {
	for text, want := range map[string]Healthcheck{
		`none`:                        {Disabled: true},
		`http://:8080/healthz`:        {URL: "http://127.0.0.1:8080/healthz"},
		`http:///x`:                   {URL: "http://127.0.0.1/x"},
		`"https://example.com/?a=b"`:  {URL: "https://example.com/?a=b"},
		`tcp://:5432`:                 {URL: "tcp://127.0.0.1:5432"},
		`"http://[::1]:80"`:           {URL: "http://[::1]:80"},
		`{test: [/probe, -x]}`:        {Test: []string{"CMD", "/probe", "-x"}},
		`{test: [CMD, /probe]}`:       {Test: []string{"CMD", "/probe"}},
		`{url: "tcp://db:1"}`:         {URL: "tcp://db:1"},
		`{url: "http://:80", <<: {}}`: {URL: "http://127.0.0.1:80"},
	} {
		f, err := Parse([]byte("defaults: {healthcheck: "+text+"}"), "f", "/dir")
		if err != nil {
			t.Errorf("%s: %s", text, err)
			continue
		}
		if diff := cmp.Diff(want, f.Defaults.Healthcheck.V); diff != "" {
			t.Errorf("%s: %s", text, diff)
		}
	}
}

func TestWaysToSign(t *testing.T) {
	f := valid(t, "ways to sign")
	type way struct {
		off, keyless bool
		key, sbom    string
	}
	var got []way
	for _, i := range f.Images {
		s := i.Sign.V
		got = append(got, way{s.Off, s.Keyless.V, s.Key.V, strings.Join(i.SBOM.Strings(), ",")})
	}
	want := []way{{keyless: true, sbom: NoSBOM}, {keyless: true, sbom: "cyclonedx"}, {off: true, sbom: "spdx"}, {key: "keys/my key.pem"}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(way{})); diff != "" {
		t.Error(diff)
	}
	if s := f.Images[2].Sign; s.Pos != at(4, 27) {
		t.Errorf("false is at %s", s.Pos)
	}
}

func TestDurationsHaveTheirPlace(t *testing.T) {
	h := parse(t, "defaults:\n  healthcheck:\n    url: tcp://:1\n    interval: 1m\n").Defaults.Healthcheck
	if h.V.Interval != (Value[time.Duration]{time.Minute, at(4, 15)}) || h.Pos != at(3, 5) {
		t.Errorf("%+v", h)
	}
}

func TestBrokenImagesCanStillBeChanged(t *testing.T) {
	_, err := Parse([]byte(`images:
  server: {package: ./..., ports: x}
profiles:
  dev:
    images: {server: {tags: [x]}, new: {package: /x}}
`), "f", "/dir")
	var paths []string
	if all, ok := errors.AsType[*Errors](err); ok {
		for _, e := range all.List {
			paths = append(paths, e.Path)
		}
	}
	want := []string{"images.server.package", "images.server.ports", "profiles.dev.images.new.package"}
	if diff := cmp.Diff(want, paths); diff != "" {
		t.Error(diff)
	}
}

func TestTextProblems(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"byte order mark": {"\uFEFFdefaults: {vcs: 1}", "1:17: defaults.vcs: expected"},
		"line ends":       {"defaults:\r\n  vcs: 1\r\n", "2:8: defaults.vcs: expected"},
		"Latin-1":         {"defaults:\n  workdir: /caf\xe9\n", "2:16: the file is not UTF-8"},
		"UTF-16":          {"\xff\xfed\x00", "hint: save the file as UTF-8, not as UTF-16"},
		"NUL":             {"# ü\x00\n", `1:4: there is a control character, "\x00"`},
		"escape":          {"a: \x1b[31m\n", `1:4: there is a control character, "\x1b"`},
		"size":            {strings.Repeat("#", longest+1), "1:1: the file is larger than 1024 KiB"},
		"wide characters": {"defaults: {labels: {ü: ö}, vcs: 1}", "1:33: defaults.vcs: expected"},
	} {
		_, err := Parse([]byte(c.text), "f", "/dir")
		if got := errorLines(err); !strings.Contains(got, c.want) {
			t.Errorf("%s: %q", name, got)
		}
	}
	parse(t, "\uFEFFdefaults:\r\n  base: alpine\r\n")
}

func TestOnlySoManyErrors(t *testing.T) {
	var b strings.Builder
	for i := range 30 {
		fmt.Fprintf(&b, "key%d: 1\n", i)
	}
	_, err := Parse([]byte(b.String()), "f", "/dir")
	all, ok := errors.AsType[*Errors](err)
	if !ok || len(all.List) != 20 || all.More != 10 || !strings.HasSuffix(err.Error(), "\nand 10 more") {
		t.Error(err)
	}
	if first, ok := errors.AsType[*Error](err); !ok || first.Pos.Line != 1 {
		t.Errorf("%v", first)
	}
}

func TestRead(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, Name)
	if _, err := Read(path, "shown"); !errors.Is(err, os.ErrNotExist) || !strings.HasPrefix(err.Error(), "shown: ") {
		t.Error(err)
	}
	if _, err := Read(dir, "shown"); err == nil || err.Error() != "shown: it is a folder, not a file" {
		t.Error(err)
	}
	write(t, path, "defaults: {base: alpine}\n")
	f, err := Read(path, "shown")
	if err != nil || f.Dir != dir || f.Path != "shown" || f.Defaults.Base.Pos.String() != "shown:1:18" {
		t.Errorf("%+v, %v", f, err)
	}
	write(t, path, strings.Repeat("#", longest+1))
	if _, err := Read(path, "shown"); err == nil || !strings.Contains(err.Error(), "larger") {
		t.Error(err)
	}
	if runtime.GOOS != "windows" && os.Getuid() != 0 {
		if err := os.Chmod(path, 0); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(path, "shown"); !errors.Is(err, os.ErrPermission) {
			t.Error(err)
		}
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func FuzzParse(f *testing.F) {
	for _, name := range []string{"testdata/valid.txtar", wrongFile} {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range archive.Files {
			if !strings.HasSuffix(file.Name, said) {
				f.Add(file.Data)
			}
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := Parse(data, "f", "/dir")
		if (file == nil) != (err != nil) {
			t.Fatal(file, err)
		}
		if err == nil {
			if judged, err := schemaError(t, string(data)); !judged || err != nil {
				t.Errorf("accepted by the decoder, but not by the schema: %v", err)
			}
			return
		}
		all, ok := errors.AsType[*Errors](err)
		if !ok || len(all.List) == 0 || len(all.List) > mostErrors {
			t.Fatalf("%T %v", err, err)
		}
		lines := 1 + strings.Count(string(data), "\n") + strings.Count(string(data), "\r") +
			strings.Count(string(data), "\u0085") + strings.Count(string(data), "\u2028") + strings.Count(string(data), "\u2029")
		for _, e := range all.List {
			if e.Pos.Line < 1 || e.Pos.Line > lines || e.Pos.Column < 1 || e.Reason == "" {
				t.Errorf("%+v in a file of %d lines", e, lines)
			}
		}
	})
}
