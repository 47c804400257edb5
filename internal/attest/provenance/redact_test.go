package provenance

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// token is made at run time, so that no scanner of sources takes it for a real one.
var token = "ghp_" + strings.Repeat("a1B2c3D4e5", 3) + "F6g7H8"

func TestSecretsAreLeftOut(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Input)
		hidden string
		want   []Omission
	}{
		"a token in a flag": {
			func(in *Input) { in.Go.Ldflags = append(in.Go.Ldflags, "-X main.v="+token) },
			token, []Omission{{"go.ldflags", "GitHub token"}},
		},
		"by the variable's name": {
			func(in *Input) { in.Go.Ldflags = []string{"-s '-X=main.apiToken=Qz7rT90xLw'"} },
			"Qz7rT90xLw", []Omission{{"go.ldflags", "token"}},
		},
		"by the name, two words": {
			func(in *Input) { in.Go.Ldflags = []string{"-X main.dbPassword=hunter22 -w"} },
			"hunter22", []Omission{{"go.ldflags", "password"}},
		},
		"by the last word of the name": {
			func(in *Input) { in.Go.Ldflags = []string{"all=-X main.dbPass=hunter22"} },
			"hunter22", []Omission{{"go.ldflags", "password"}},
		},
		"by the name, whatever the value": {
			func(in *Input) { in.Go.Ldflags = []string{"-X", "--X example.com/m.sessionToken=letmein"} },
			"letmein", []Omission{{"go.ldflags", "token"}},
		},
		"a linker of the machine's": {
			func(in *Input) { in.Go.Ldflags = []string{"-linkmode=external '-extldflags=-static -L/home/me/lib'"} },
			"/home/me", []Omission{{"go.ldflags", pathOfMachine}},
		},
		"a profile of the machine's": {
			func(in *Input) { in.Go.Env["GOFLAGS"] = "-mod=mod -pgo=/home/me/cpu.pprof" },
			"/home/me", []Omission{{"go.env.GOFLAGS", pathOfMachine}},
		},
		"in flags of the compiler": {
			func(in *Input) { in.Go.Gcflags = []string{token} },
			token, []Omission{{"go.gcflags", "GitHub token"}},
		},
		"in GOFLAGS": {
			func(in *Input) { in.Go.Env["GOFLAGS"] = `-trimpath "-ldflags=-X main.dbPassword=hunter22"` },
			"hunter22", []Omission{{"go.env.GOFLAGS", "password"}},
		},
		"in GOPROXY": {
			func(in *Input) { in.Go.Env["GOPROXY"] = "https://user:hunter22@proxy.example.com" },
			"hunter22", nil,
		},
		"a variable that matters": {
			func(in *Input) { in.Go.Env["CGO_CFLAGS"] = "-I/home/me/include" },
			"/home/me", []Omission{{"go.env.CGO_CFLAGS", notListed}},
		},
		"a path in GOWORK": {
			func(in *Input) { in.Go.Env["GOWORK"] = "/home/me/go.work" },
			"/home/me", []Omission{{"go.env.GOWORK", pathOfMachine}},
		},
		"in the image's variables": {
			func(in *Input) { in.Config["env"] = map[string]string{"DB_PASSWORD": "hunter22", "LOG_LEVEL": "info"} },
			"hunter22", []Omission{{"config.env.DB_PASSWORD", "password"}},
		},
		"in a list": {
			func(in *Input) { in.Config["args"] = []string{"--token", token} },
			token, []Omission{{"config.args", "GitHub token"}},
		},
		"by the name of a flag": {
			func(in *Input) { in.Config["args"] = []string{"serve", "--db-password=hunter22"} },
			"hunter22", []Omission{{"config.args", "password"}},
		},
		"in the word behind a flag": {
			func(in *Input) { in.Config["cmd"] = []string{"serve", "-apiToken", "letmein"} },
			"letmein", []Omission{{"config.cmd", "token"}},
		},
		"in a health check": {
			func(in *Input) {
				in.Config["healthcheck"] = map[string]any{"test": []string{"CMD", "/app/x", "--pass=hunter22"}}
			},
			"hunter22", []Omission{{"config.healthcheck", "password"}},
		},
		"in the package of a binary": {
			func(in *Input) {
				in.Config["binaries"] = map[string]any{"x": "example.com/" + token, "y": "example.com/y"}
			},
			token, []Omission{{"config.binaries.x", "GitHub token"}},
		},
		"files from elsewhere": {
			func(in *Input) {
				in.Config["files"] = []any{
					map[string]any{"from": "../../me/a", "to": "/a"}, map[string]any{"from": "../b", "to": "/b"}, map[string]any{"from": "/home/me/c", "to": "/c"},
				}
			},
			"../../me", []Omission{{"config.files[0]", pathOfMachine}, {"config.files[2]", pathOfMachine}},
		},
		"no files but those": {
			func(in *Input) { in.Config["files"] = []any{map[string]any{"from": `C:\me\c`, "to": "/c"}} },
			`me\\c`, []Omission{{"config.files[0]", pathOfMachine}},
		},
		"a base of the machine's": {
			func(in *Input) {
				in.Bases[0].Ref, in.Bases[0].Material = "oci:/home/me/base", Material{Digest: sha("c")}
				in.Bases[1].Ref, in.Bases[1].Material = "../../base.tar", Material{Digest: sha("d")}
			},
			"base.tar", []Omission{{"bases[0].ref", pathOfMachine}, {"bases[1].ref", pathOfMachine}},
		},
		"what the caller can't tell": {
			func(in *Input) { in.Go.Ldflags, in.Untold = nil, []Omission{{"go.ldflags", "they differ"}} },
			"-X main.version", []Omission{{"go.ldflags", "they differ"}},
		},
		"in a mapping of a list": {
			func(in *Input) { in.Config["files"] = []any{map[string]any{"password": "hunter22"}} },
			"hunter22", []Omission{{"config.files", "password"}},
		},
		"a directory of the machine": {
			func(in *Input) { in.Modules[1].ReplacedBy.Path = "/home/me/local" },
			"/home/me", []Omission{{"modules.example.com/local.replacedBy", pathOfMachine}},
		},
		"a directory beside the repository": {
			func(in *Input) { in.Modules[1].ReplacedBy.Path = "../../../local" },
			"../../../local", []Omission{{"modules.example.com/local.replacedBy", pathOfMachine}},
		},
		"in the source's URL": {
			func(in *Input) { in.Source.Repository = "https://me:hunter22@github.com/acme/app?x=hunter22#hunter22" },
			"hunter22", nil,
		},
		"a token alone in it": {
			func(in *Input) { in.Source.Repository = "https://" + token + "@github.com/acme/app" },
			token, nil,
		},
		"in a base's": {
			func(in *Input) {
				in.Bases[0].Ref = "https://me:hunter22@gcr.io/x"
				in.Bases[0].Material.URI = in.Bases[0].Ref
			},
			"hunter22", nil,
		},
	} {
		in := full()
		c.change(&in)
		raw := statement(t, in)
		if strings.Contains(string(raw), c.hidden) {
			t.Errorf("%s: it is in %s", name, raw)
		}
		parsed, err := Parse(raw)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(c.want, parsed.Omitted); diff != "" {
			t.Errorf("%s: omitted (-want +got):\n%s", name, diff)
		}
	}
	in := full()
	in.Config["env"] = map[string]string{"DB_PASSWORD": "hunter22", "LOG_LEVEL": "info"}
	parsed, err := Parse(statement(t, in))
	if diff := cmp.Diff(map[string]any{"LOG_LEVEL": "info"}, parsed.Config["env"]); err != nil || diff != "" {
		t.Errorf("%v, others were left out too (-want +got):\n%s", err, diff)
	}
	if _, there := in.Config["env"].(map[string]string)["DB_PASSWORD"]; !there {
		t.Error("the caller's settings were changed")
	}
}

// What only looks as if, and what stays in the repository, is told.
func TestWhatIsTold(t *testing.T) {
	in := full()
	in.Go.Ldflags = []string{
		"-X main.compass=north -X main.token= -X main.maxToken=4096 -X main.dbPassword=${DB_PASSWORD} -X main.passFile=/run/secrets/x -X main.dir=/srv",
		"-r /usr/lib -extldflags=-static", "-s -w -X",
	}
	in.Go.Env["GOFLAGS"] = "-mod=vendor -pgo=off -trimpath=false"
	in.Config["args"] = []any{"--token-file=/run/secrets/token", "--password", "--verbose", "--tokens=3", "token", "--secret=$SECRET"}
	in.Config["env"] = []any{"DB_PASSWORD", "API_TOKEN"}
	in.Config["files"] = []any{map[string]any{"from": "../x/**", "to": "/x"}, map[string]any{"from": ".", "to": "/y"}}
	in.Bases[0].Ref, in.Bases[0].Material = "oci:../base:v1", Material{Digest: sha("c")}
	in.Modules[1].ReplacedBy.Path = "../../local"
	got, err := Parse(statement(t, in))
	if diff := cmp.Diff(&Parsed{Input: in}, got); err != nil || diff != "" {
		t.Errorf("%v (-told +read):\n%s", err, diff)
	}
}

func TestWordsOfNames(t *testing.T) {
	for name, want := range map[string]string{
		"": "_", "dbPass": "_db_Pass", "DBPass": "_DB_Pass", "main.v": "_main.v", "DB_PASS": "_DB_PASS", "x2Y": "_x2_Y", "API": "_API",
	} {
		if got := inWordsOf(name); got != want {
			t.Errorf("%q is %q, want %q", name, got, want)
		}
	}
}

func TestSecretsWhereNothingCanBeLeftOut(t *testing.T) {
	for where, change := range map[string]func(*Input){
		"predicate.buildDefinition.externalParameters.source.ref": func(in *Input) { in.Source.Ref = token },
		"predicate.buildDefinition.externalParameters.go.tags[0]": func(in *Input) { in.Go.Tags[0] = token },
		"subject[1].name": func(in *Input) { in.Subjects[1].Name = token },
		"a name in predicate.buildDefinition.externalParameters.config":      func(in *Input) { in.Config[token] = 1 },
		"predicate.runDetails.metadata.invocationId":                         func(in *Input) { in.Builder.Invocation = token },
		"predicate.buildDefinition.resolvedDependencies[3].name":             func(in *Input) { in.Files[0].Name = "/" + token },
		"predicate.buildDefinition.internalParameters.github.repository_own": func(in *Input) { in.Builder.GitHub["repository_own"] = token },
	} {
		in := full()
		change(&in)
		_, err := Statement(in)
		e, ok := errors.AsType[*SecretError](err)
		if !ok || e.Where != where || strings.Contains(err.Error(), token) {
			t.Errorf("%v, want %s", err, where)
		}
	}
}

func TestAllowedEnv(t *testing.T) {
	for _, name := range []string{"GOOS", "GOARCH", "GOAMD64", "GOARM", "GOARM64", "GOEXPERIMENT", "GOFLAGS", "CGO_ENABLED", "GOTOOLCHAIN"} {
		if !AllowedEnv(name) {
			t.Errorf("%s is not allowed", name)
		}
	}
	for _, name := range []string{"", "goos", "GOPROXY", "GOPRIVATE", "GOAUTH", "GONOSUMDB", "GOENV", "GOROOT", "GOPATH", "HOME", "PATH", "CC", "CGO_CFLAGS", "GODEBUG"} {
		if AllowedEnv(name) {
			t.Errorf("%s is allowed", name)
		}
	}
}

func TestRepository(t *testing.T) {
	for remote, want := range map[string]string{
		"https://github.com/acme/app.git":              "https://github.com/acme/app.git",
		"https://me@github.com/acme/app":               "https://github.com/acme/app",
		"https://me:secret@git.example.com:8443/a/b":   "https://git.example.com:8443/a/b",
		"git@github.com:acme/app.git":                  "ssh://git@github.com/acme/app.git",
		"github.com:/acme/app.git":                     "ssh://github.com/acme/app.git",
		"ssh://jane:secret@gerrit.example.com:29418/a": "ssh://gerrit.example.com:29418/a",
		"ssh://git:secret@example.com/a":               "ssh://git@example.com/a",
		"git://example.com/a":                          "git://example.com/a",
		"https://example.com/a?token=x#y":              "https://example.com/a",
		" https://example.com/a\n":                     "https://example.com/a",
		"/home/me/app":                                 "",
		"file:///home/me/app":                          "",
		`C:\Users\me\app`:                              "",
		"C:/Users/me/app":                              "",
		"../app":                                       "",
		"./a:b":                                        "",
		"ext::sh -c x":                                 "",
		"https://%zz/":                                 "",
		"":                                             "",
	} {
		if got := repository(remote); got != want {
			t.Errorf("%q is %q, want %q", remote, got, want)
		}
	}
}

func TestURIs(t *testing.T) {
	got := []string{
		moduleURI("github.com/BurntSushi/toml", "v1.3.2"), moduleURI("example.com/a~b", "v2.0.0+incompatible"), moduleURI("example.com/a b", ""),
		ImageURI("docker.io/library/alpine", "3.24", "sha256:ab"), ImageURI("localhost:5000/Team/app", "", "sha256:ab"),
		gitURI(Source{Repository: "https://github.com/acme/app", Ref: "refs/heads/main"}), gitURI(Source{Ref: "refs/heads/main"}),
		withoutUser("https://a@b@c/d@e"), withoutUser("alpine:3.24@sha256:ab"), withoutUser("oci:dir@x"), withoutUser("https://host"),
	}
	want := []string{
		"pkg:golang/github.com/BurntSushi/toml@v1.3.2", "pkg:golang/example.com/a~b@v2.0.0%2Bincompatible", "pkg:golang/example.com/a%20b",
		"pkg:oci/alpine@sha256%3Aab?repository_url=docker.io/library/alpine&tag=3.24", "pkg:oci/app@sha256%3Aab?repository_url=localhost%3A5000/Team/app",
		"git+https://github.com/acme/app@refs/heads/main", "",
		"https://c/d@e", "alpine:3.24@sha256:ab", "oci:dir@x", "https://host",
	}
	if !slices.Equal(got, want) {
		t.Errorf("(-want +got):\n%s", cmp.Diff(want, got))
	}
	if got, err := dirHash(sum1); got != hash1 || err != nil {
		t.Errorf("%s, %v", got, err)
	}
	for _, sum := range []string{hash1, "h1:", "h2:" + sum1[3:], sum1[:len(sum1)-1], sum1 + "\n"} {
		if got, err := dirHash(sum); err == nil {
			t.Errorf("%q is %q", sum, got)
		}
	}
}
