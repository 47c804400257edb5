package provenance

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseRefuses(t *testing.T) {
	raw := string(statement(t, full()))
	for _, c := range []struct{ old, with, want string }{
		{`"_type":"https://in-toto.io/Statement/v1"`, `"_type":"https://in-toto.io/Statement/v0.1"`, `_type is "https://in-toto.io/Statement/v0.1" instead of`},
		{`"_type":`, `"_TYPE":`, "_type is missing"},
		{`"predicateType":"https://slsa.dev/provenance/v1"`, `"predicateType":7`, "predicateType is no text"},
		{`"predicate":{`, `"predicate":[],"x":{`, "predicate is no object"},
		{`"subject":[`, `"subject":[],"x":[`, "about no image"},
		{`"subject":[`, `"subject":[null,`, "subject[0] is missing"},
		{`"subject":[`, `"subject":[[],`, "subject[0] is no object"},
		{`"name":"server"`, `"name":["server"]`, "externalParameters.name is no text"},
		{`"platforms":["linux/arm64"`, `"platforms":[1`, "externalParameters.platforms[0] is no text"},
		{`"trimpath":true`, `"trimpath":"true"`, "go.trimpath is no boolean"},
		{`"ldflags":[`, `"ldflags":"-s","x":[`, "go.ldflags is no list"},
		{`"CGO_ENABLED":"0"`, `"CGO_ENABLED":0`, "go.env.CGO_ENABLED is no text"},
		{`"CGO_ENABLED":"0"`, `"GOPROXY":"off"`, "go.env has a variable that is never told"},
		{`"repository":"https://github.com`, `"repository":"https://me:x@github.com`, "is no URL of a repository that all can reach"},
		{`git+https://github.com/acme/app@`, `git+https://github.com/other/app@`, "is not that of the source in the parameters"},
		{commit, "main", `commit "main" is none`},
		{`"path":"services/server"`, `"path":"../server"`, "outside of the repository"},
		{`"kind":"source"`, `"kind":"else"`, "have 0 sources instead of one"},
		{`"bases":[`, `"bases":[{"ref":"x"},`, "is a base that the parameters don't have in this place"},
		{`"kind":"base","platform":"linux/amd64"`, `"kind":"other"`, "have 1 bases of 2"},
		{`"version":"v1.3.2"`, `"version":"v1.3.3"`, "is not that of the module in its annotations"},
		{hash1, strings.Repeat("0", 64), "is not the module's sum"},
		{sum1, "h1:x", "is not the module's sum"},
		{`"2026-09-01T10:00:00Z"`, `"yesterday"`, "startedOn is no time"},
		{`"toolchain":"go1.26.1",`, ``, "internalParameters.toolchain is missing"},
		{`"id":"https://github.com/acme`, `"ID":"https://github.com/acme`, "builder.id is missing"},
		{`"package":`, `"name":"other","package":`, `an object has "name" twice`},
		{`{"_type"`, `{} {"_type"`, "more follows behind it"},
		{`{"_type"`, `["_type"`, "no JSON document"},
		{`"name":"server"`, "\"name\":\"\xff\"", "not in UTF-8"},
		{`"config":{`, `"config":{"x":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `,`, "nested more than 64 times"},
		{raw, "", "no JSON document"},
		{raw, "null", "is missing"},
		{raw, `{"_type":`, "unexpected EOF"},
		{raw, `"x"`, "is no object"},
	} {
		changed := strings.Replace(raw, c.old, c.with, 1)
		if changed == raw {
			t.Errorf("%s is not there", c.old)
		}
		got, err := Parse([]byte(changed))
		if _, ok := errors.AsType[*FormatError](err); !ok || got != nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "reading the provenance: ") {
			t.Errorf("%s: %v, want %q", c.with, err, c.want)
		}
	}
	if _, err := Parse(bytes.Repeat([]byte(" "), maxStatement+1)); err == nil || !strings.Contains(err.Error(), "more than 16 MiB") {
		t.Errorf("too long: %v", err)
	}
}

func TestParseIgnoresWhatItDoesNotKnow(t *testing.T) {
	raw := string(statement(t, full()))
	for _, r := range [][2]string{
		{`{"_type"`, `{"new":1,"_type"`}, {`"metadata":{`, `"byproducts":[{"name":"log"}],"metadata":{"new":[],`},
		{`"resolvedDependencies":[`, `"resolvedDependencies":[{"uri":"https://example.com"},{"uri":"x","annotations":{"kind":"new"}},`},
	} {
		raw = strings.Replace(raw, r[0], r[1], 1)
	}
	got, err := Parse([]byte(raw))
	if diff := cmp.Diff(&Parsed{Input: full()}, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestParseOfOtherBuilders(t *testing.T) {
	raw := strings.Replace(string(statement(t, least())), BuildType, "https://actions.github.io/buildtypes/workflow/v1", 1)
	_, err := Parse([]byte(raw))
	other, ok := errors.AsType[*OtherBuildError](err)
	if !ok || other.BuildType != "https://actions.github.io/buildtypes/workflow/v1" || other.Builder != LocalBuilder {
		t.Errorf("%v", err)
	}
}

// What was parsed can be written again, and is then the same, but for what a stranger
// told although it must not be told.
func FuzzParse(f *testing.F) {
	for _, file := range []string{"testdata/full.json", "testdata/least.json"} {
		raw, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Add([]byte(`{"_type":{"_type":[]}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		first, err := Parse(raw)
		if err != nil {
			_, format := errors.AsType[*FormatError](err)
			_, other := errors.AsType[*OtherBuildError](err)
			if !format && !other {
				t.Fatal(err)
			}
			return
		}
		again, err := Statement(first.Input)
		if _, secret := errors.AsType[*SecretError](err); secret {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		second, err := Parse(again)
		if err != nil {
			t.Fatalf("%v\n%s", err, again)
		}
		if third := statement(t, second.Input); len(second.Omitted) == 0 && !bytes.Equal(again, third) {
			t.Fatalf("%s\n%s", again, third)
		}
	})
}

// Whatever texts it is told, a statement is one that can be read again, and writing
// that down changes nothing.
func FuzzStatement(f *testing.F) {
	f.Add("https://me:x@github.com/acme/app", "refs/heads/main", "a/b", "-X main.token=abc", "-mod=mod", "alpine:3.24", "example.com/m", "v1.0.0+incompatible")
	f.Add("git@host:a b", "@", "", "'", `"-ldflags=-X a=b"`, "https://a@b@c", "é/%41", "/home/me")
	f.Fuzz(func(t *testing.T, repo, ref, dir, flags, goflags, base, module, version string) {
		in := full()
		in.Source.Repository, in.Source.Ref, in.Source.Path = repo, ref, dir
		in.Go.Ldflags, in.Go.Env["GOFLAGS"] = []string{flags}, goflags
		in.Bases[0].Ref, in.Files[0].Name, in.Config[ref] = base, dir, flags
		in.Modules = []Module{{Path: "m" + module, Version: version}, {Path: "m" + module, ReplacedBy: &Module{Path: module, Version: version}}}
		first, err := Statement(in)
		if err != nil {
			return
		}
		parsed, err := Parse(first)
		if err != nil {
			t.Fatalf("%v\n%s", err, first)
		}
		if again := statement(t, parsed.Input); len(parsed.Omitted) == 0 && !bytes.Equal(first, again) {
			t.Fatalf("%s\n%s", first, again)
		}
	})
}
