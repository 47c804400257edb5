package provenance

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden file anew")

const (
	commit = "8f0d9bd8e2d2b0a0c3d2f7f3c9b1a4e5d6c7b8a9"
	sum1   = "h1:Khu2En+0gcYPZ2kuIihfswbzxv/mIHXgzPZ018Oty48="
	hash1  = "2a1bb6127fb481c60f67692e22285fb306f3c6ffe62075e0ccf674d7c3adcb8f" // of sum1, in in-toto's own example
)

func sha(c string) map[string]string { return map[string]string{"sha256": strings.Repeat(c, 64)} }

// full is an input that tells all there is, sorted, and without secrets.
func full() Input {
	return Input{
		Subjects: []Subject{{"ghcr.io/acme/server", sha("a")}, {"ghcr.io/acme/server", sha("b")}},
		Source:   &Source{Repository: "https://github.com/acme/app", Commit: commit, Ref: "refs/tags/v1.2.0", Path: "services/server", ConfigPath: "services"},
		Package:  "example.com/app/cmd/server", Name: "server",
		Platforms: []string{"linux/arm64", "linux/amd64"},
		Go: GoSettings{
			Tags: []string{"netgo"}, Ldflags: []string{"-s -w", "-X main.version=1.2.0"}, Gcflags: []string{"all=-l"}, Trimpath: true, VCS: true,
			Env: map[string]string{"CGO_ENABLED": "0", "GOAMD64": "v3", "GOFLAGS": "-mod=vendor"}, Toolchain: "go1.26.1",
		},
		Bases: []Base{
			{"linux/arm64", "distroless", Material{"gcr.io/distroless/static", ImageURI("gcr.io/distroless/static", "nonroot", "sha256:"+strings.Repeat("c", 64)), sha("c")}},
			{"linux/amd64", "localhost:5000/base", Material{"localhost:5000/base", ImageURI("localhost:5000/base", "", "sha256:"+strings.Repeat("d", 64)), sha("d")}},
		},
		Files: []Material{{"/srv/www/index.html", "", sha("e")}, {"/srv/www/style.css", "", sha("f")}},
		Modules: []Module{
			{Path: "example.com/forked", Version: "v1.0.0", Sum: sum1, ReplacedBy: &Module{Path: "example.com/Fork", Version: "v1.0.1"}},
			{Path: "example.com/local", Version: "v0.0.0", ReplacedBy: &Module{Path: "../local"}},
			{Path: "github.com/BurntSushi/toml", Version: "v1.3.2", Sum: sum1},
			{Path: "github.com/old/api", Version: "v3.0.0+incompatible", Sum: sum1},
		},
		Config: map[string]any{
			"name": "api", "user": map[string]any{"name": "app", "uid": json.Number("1000")}, "ports": []any{"8080/tcp"}, "env": []any{"LOG_LEVEL"},
			"args": []any{"--config", "/etc/server.yaml", "--only=a<b>&c"}, "labels": []any{"team"},
			"healthcheck": map[string]any{"url": "http://127.0.0.1:8080/healthz", "retries": json.Number("3")},
			"binaries":    map[string]any{"token": map[string]any{"package": "example.com/app/cmd/token", "path": "/app/token"}},
			"files":       []any{map[string]any{"from": "../web/dist", "to": "/srv/www", "mode": "0644"}},
		},
		Imgo: Imgo{"v0.7.0", "3"},
		Builder: Builder{
			ID:         "https://github.com/acme/app/.github/workflows/release.yml@refs/tags/v1.2.0",
			Invocation: "https://github.com/acme/app/actions/runs/42/attempts/1",
			GitHub:     map[string]string{"event_name": "push", "runner_environment": "github-hosted"},
		},
		Started: time.Date(2026, 9, 1, 10, 0, 0, 0, time.UTC), Finished: time.Date(2026, 9, 1, 10, 0, 7, 0, time.UTC),
	}
}

// least is an input that tells as little as can be told.
func least() Input {
	return Input{Subjects: []Subject{{"server.tar", sha("a")}}, Package: "example.com/x", Name: "x"}
}

func statement(t testing.TB, in Input) []byte {
	t.Helper()
	raw, err := Statement(in)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestGolden(t *testing.T) {
	for file, in := range map[string]Input{"testdata/full.json": full(), "testdata/least.json": least()} {
		var got bytes.Buffer
		if err := json.Indent(&got, statement(t, in), "", "  "); err != nil {
			t.Fatal(err)
		}
		got.WriteByte('\n')
		if *update {
			if err := os.WriteFile(file, got.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if diff := cmp.Diff(string(want), got.String()); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", file, err, diff)
		}
	}
}

func TestSameInputsSameBytes(t *testing.T) {
	want := statement(t, full())
	in := full()
	slices.Reverse(in.Modules)
	slices.Reverse(in.Files)
	in.Started = in.Started.In(time.FixedZone("far", 5*3600))
	for range 20 { // maps come in another order each time
		if got := statement(t, in); !bytes.Equal(got, want) {
			t.Fatalf("got %s\nwant %s", got, want)
		}
	}
	if bytes.ContainsAny(want, "\n\t") || bytes.Contains(want, []byte(`\u003c`)) {
		t.Error("it has blanks, or is escaped for HTML")
	}
}

// keys are the names that the specifications have, by the path of their object:
// in-toto's statement.md and resource_descriptor.md, SLSA's build-provenance.md.
var keys = map[string][]string{
	"":                              {"_type", "predicate", "predicateType", "subject"},
	"subject[]":                     {"digest", "name"},
	"predicate":                     {"buildDefinition", "runDetails"},
	"predicate.buildDefinition":     {"buildType", "externalParameters", "internalParameters", "resolvedDependencies"},
	"predicate.runDetails":          {"builder", "metadata"},
	"predicate.runDetails.builder":  {"id"},
	"predicate.runDetails.metadata": {"finishedOn", "invocationId", "startedOn"},
	"predicate.buildDefinition.resolvedDependencies[]": {"annotations", "digest", "name", "uri"},
}

func TestShape(t *testing.T) {
	var doc any
	if err := json.Unmarshal(statement(t, full()), &doc); err != nil {
		t.Fatal(err)
	}
	seen := map[string]map[string]bool{}
	var walk func(at string, v any)
	walk = func(at string, v any) {
		switch v := v.(type) {
		case []any:
			for _, e := range v {
				walk(at+"[]", e)
			}
		case map[string]any:
			for key, e := range v {
				if seen[at] == nil {
					seen[at] = map[string]bool{}
				}
				seen[at][key] = true
				walk(strings.TrimPrefix(at+"."+key, "."), e)
			}
		}
	}
	walk("", doc)
	for at, want := range keys {
		if got := slices.Sorted(maps.Keys(seen[at])); !slices.Equal(got, want) {
			t.Errorf("%q has %q, want %q", at, got, want)
		}
	}
	var typed struct {
		Predicate struct {
			BuildDefinition struct {
				ResolvedDependencies []struct {
					Name, URI string
					Digest    map[string]string
				}
			}
		}
	}
	if err := json.Unmarshal(statement(t, full()), &typed); err != nil {
		t.Fatal(err)
	}
	for _, d := range typed.Predicate.BuildDefinition.ResolvedDependencies {
		if d.URI == "" && len(d.Digest) == 0 {
			t.Errorf("%q has neither URI nor digest", d.Name)
		}
		if d.Digest["dirHash"] != "" && (d.Digest["dirHash"] != hash1 || d.Digest["sha256"] != "") {
			t.Errorf("%q has the digests %v", d.Name, d.Digest)
		}
	}
}

func TestParseReturnsWhatWasTold(t *testing.T) {
	for name, in := range map[string]Input{"full": full(), "least": func() Input {
		in := least()
		in.Builder.ID = LocalBuilder
		return in
	}(), "a commit of nowhere": func() Input {
		in := least()
		in.Builder.ID, in.Source = LocalBuilder, &Source{Commit: commit, Dirty: true, Ref: "refs/heads/main"}
		return in
	}()} {
		got, err := Parse(statement(t, in))
		if diff := cmp.Diff(&Parsed{Input: in}, got); err != nil || diff != "" {
			t.Errorf("%s: %v (-told +read):\n%s", name, err, diff)
		}
	}
}

func TestTextsThatLookLikeEscapes(t *testing.T) {
	in := full()
	in.Go.Ldflags, in.Config["workdir"] = []string{`\ufffd`, "\ufffd"}, `\\ufffd`
	got, err := Parse(statement(t, in))
	if diff := cmp.Diff(&Parsed{Input: in}, got); err != nil || diff != "" {
		t.Errorf("%v (-told +read):\n%s", err, diff)
	}
}

func TestStatementRefuses(t *testing.T) {
	for want, change := range map[string]func(*Input){
		"about no image":             func(in *Input) { in.Subjects = nil },
		"no package":                 func(in *Input) { in.Package = "" },
		"has no name":                func(in *Input) { in.Subjects[0].Name = "" },
		"digest in hexadecimal":      func(in *Input) { in.Subjects[0].Digest = map[string]string{"sha256": "sha256:aa"} },
		"commit \"main\" is none":    func(in *Input) { in.Source.Commit = "main" },
		"outside of the repository":  func(in *Input) { in.Source.Path = "../x" },
		"outside of the repository,": func(in *Input) { in.Source.Path = "/x" },
		"configuration is outside":   func(in *Input) { in.Source.ConfigPath = "../x" },
		"neither URI nor digest":     func(in *Input) { in.Files[0].Digest = nil },
		"is not in hexadecimal":      func(in *Input) { in.Bases[0].Material.Digest = map[string]string{"sha256": "aa"} },
		"example.com/forked is none": func(in *Input) { in.Modules[0].Sum = "h1:aaaa" },
		"not in UTF-8":               func(in *Input) { in.Go.Tags[0] = "a\xff" },
		"settings: there is":         func(in *Input) { in.Config["x"] = "a\xff" },
		"unsupported type":           func(in *Input) { in.Config = map[string]any{"x": func() {}} },
	} {
		in := full()
		change(&in)
		_, err := Statement(in)
		if _, ok := errors.AsType[*InputError](err); !ok || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
