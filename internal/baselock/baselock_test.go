package baselock

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/imgo-build/imgo/pkg/publish"
)

func hash(c string) v1.Hash { return v1.Hash{Algorithm: "sha256", Hex: strings.Repeat(c, 64)} }

const alpine, static = "docker.io/library/alpine:3.24", "gcr.io/distroless/static-debian13:nonroot"

// golden is a lock in its form.
var golden = `{
  "version": 1,
  "bases": [
    {
      "name": "docker.io/library/alpine:3.24",
      "digest": "sha256:` + strings.Repeat("a", 64) + `",
      "created": "2026-05-28T10:00:00Z",
      "platforms": [
        "linux/amd64",
        "linux/arm/v7"
      ]
    },
    {
      "name": "gcr.io/distroless/static-debian13:nonroot",
      "digest": "sha256:` + strings.Repeat("b", 64) + `"
    }
  ]
}
`

func read(t *testing.T, path string) *File {
	t.Helper()
	f, err := Read(path)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func write(t *testing.T, f *File) string {
	t.Helper()
	if err := f.Write(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(f.Path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), Name)
	f := read(t, path)
	if f.Exists || len(f.Entries()) != 0 {
		t.Errorf("no file: %+v", f)
	}
	if err := f.Require(); err != nil {
		t.Error(err)
	}
	missing, ok := errors.AsType[*MissingError](f.Require(alpine))
	if !ok || missing.Name != alpine || missing.Path != path {
		t.Errorf("%v", missing)
	}
	if _, changed := f.Set(Entry{Name: static, Digest: hash("b")}); !changed {
		t.Error("a new pin is no change")
	}
	zone := time.FixedZone("", 3600)
	f.Set(Entry{Name: alpine, Digest: hash("a"), Created: time.Date(2026, 5, 28, 11, 0, 0, 5, zone), Platforms: []string{"linux/amd64", "linux/arm/v7"}})
	if diff := cmp.Diff(golden, write(t, f)); diff != "" {
		t.Errorf("(-want +written):\n%s", diff)
	}

	again := read(t, path)
	if diff := cmp.Diff(f.Entries(), again.Entries()); diff != "" || !again.Exists || !f.Exists {
		t.Errorf("(-before +read):\n%s", diff)
	}
	if h, ok := again.Digest(alpine); !ok || h != hash("a") || again.Require(alpine, static) != nil {
		t.Errorf("%v, %t", h, ok)
	}
	if _, ok := again.Digest("docker.io/library/alpine:3.23"); ok {
		t.Error("another tag is pinned")
	}
	old, changed := again.Set(Entry{Name: alpine, Digest: hash("c")})
	if !changed || old.Digest != hash("a") {
		t.Errorf("%+v, %t", old, changed)
	}
	if _, changed := again.Set(Entry{Name: alpine, Digest: hash("c"), Platforms: []string{"linux/s390x"}}); changed {
		t.Error("the same digest is a change")
	}
	removed := again.Prune([]string{alpine, "x/y:z"})
	if len(removed) != 1 || removed[0].Name != static || len(again.Entries()) != 1 {
		t.Errorf("removed %+v", removed)
	}
	if s := write(t, again); strings.Contains(s, "distroless") || !strings.Contains(s, hash("c").String()) {
		t.Error(s)
	}
}

// Who signed a base is written down where somebody asked, and read again.
func TestSigners(t *testing.T) {
	f := &File{Path: filepath.Join(t.TempDir(), Name)}
	f.Set(Entry{Name: alpine, Digest: hash("a"), Verified: Signer{Key: hash("d").String()}})
	f.Set(Entry{Name: static, Digest: hash("b"), Verified: Signer{Identity: "me@<example>", Issuer: "https://i.example"}})
	f.Set(Entry{Name: "x.example/y:z", Digest: hash("c")})
	text := write(t, f)
	for _, want := range []string{
		"      \"digest\": \"" + hash("a").String() + "\",\n      \"verified\": {\n        \"key\": \"" + hash("d").String() + "\"\n      }\n",
		"      \"verified\": {\n        \"identity\": \"me@<example>\",\n        \"issuer\": \"https://i.example\"\n      }\n",
		"      \"digest\": \"" + hash("c").String() + "\"\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%s lacks %s", text, want)
		}
	}
	again := read(t, f.Path)
	if diff := cmp.Diff(f.Entries(), again.Entries()); diff != "" {
		t.Error(diff)
	}
	var names []string
	for _, e := range again.Entries() {
		names = append(names, e.Verified.String())
	}
	if diff := cmp.Diff([]string{"key " + hash("d").String(), "me@<example> (https://i.example)", ""}, names); diff != "" {
		t.Error(diff)
	}
	// Another signer of the same digest is no move of the pin, and is written all the same.
	if _, changed := again.Set(Entry{Name: alpine, Digest: hash("a"), Verified: Signer{Key: hash("e").String()}}); changed {
		t.Error("another signer moves the pin")
	}
	if text := write(t, again); !strings.Contains(text, hash("e").String()) {
		t.Error(text)
	}
	again.Set(Entry{Name: alpine, Digest: hash("a"), Verified: Signer{Identity: "a\tb", Issuer: "https://i"}})
	if err := again.Write(); err == nil {
		t.Error("a signer that can't be read back was written")
	}
}

func TestEmptyLock(t *testing.T) {
	f := &File{Path: filepath.Join(t.TempDir(), Name)}
	if s := write(t, f); s != "{\n  \"version\": 1,\n  \"bases\": []\n}\n" {
		t.Error(s)
	}
	if got := read(t, f.Path); len(got.Entries()) != 0 || !got.Exists {
		t.Errorf("%+v", got)
	}
}

func TestWriting(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, Name)
	if err := os.WriteFile(path, []byte(golden), 0o640); err != nil {
		t.Fatal(err)
	}
	before := time.Unix(1, 0)
	if err := os.Chtimes(path, before, before); err != nil {
		t.Fatal(err)
	}
	f := read(t, path)
	write(t, f)
	if info, _ := os.Stat(path); !info.ModTime().Equal(before) {
		t.Error("the same bytes were written again")
	}
	f.Set(Entry{Name: alpine, Digest: hash("c")})
	write(t, f)
	if info, _ := os.Stat(path); runtime.GOOS != "windows" && info.Mode().Perm() != 0o640 {
		t.Errorf("mode %s", info.Mode())
	}
	if list, _ := os.ReadDir(dir); len(list) != 1 {
		t.Errorf("%v is left behind", list)
	}

	f.Set(Entry{Name: "alpine", Digest: hash("c")})
	if err := f.Write(); err == nil || !strings.Contains(err.Error(), "fully qualified") {
		t.Errorf("a name that can't be read back: %v", err)
	}
	gone := &File{Path: filepath.Join(dir, "gone", Name)}
	if err := gone.Write(); !isA[*publish.OutputError](err) {
		t.Errorf("no directory: %v", err)
	}
	inTheWay := filepath.Join(dir, "dir")
	if err := os.MkdirAll(filepath.Join(inTheWay, "x"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := (&File{Path: inTheWay}).Write(); !isA[*publish.OutputError](err) {
		t.Errorf("a directory in its place: %v", err)
	}
	if list, _ := os.ReadDir(dir); len(list) != 2 {
		t.Errorf("%v is left behind", list)
	}
}

func TestLinkIsReplaced(t *testing.T) {
	dir := t.TempDir()
	path, target := filepath.Join(dir, Name), filepath.Join(dir, "target")
	if err := os.WriteFile(target, []byte(golden), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, path); err != nil {
		if runtime.GOOS == "windows" {
			return // where it takes a privilege
		}
		t.Fatal(err)
	}
	f := read(t, path)
	f.Set(Entry{Name: alpine, Digest: hash("c")})
	write(t, f)
	if data, err := os.ReadFile(target); err != nil || string(data) != golden {
		t.Errorf("the link's target was written to: %s, %v", data, err)
	}
}

func isA[E error](err error) bool { _, ok := errors.AsType[E](err); return ok }

func TestMalformed(t *testing.T) {
	entry := func(fields string) string {
		return "{\n\"version\": 1,\n\"bases\": [\n{\n" + fields + "\n}\n]\n}\n"
	}
	digest := `"digest": "` + hash("a").String() + `"`
	for name, c := range map[string]struct {
		text string
		line int
		want string
	}{
		"empty":              {"", 1, "it ends too early"},
		"cut off":            {"{\n\"version\": 1,\n", 2, "it ends too early"},
		"no object":          {"\n[]", 2, `there is "[" instead of an object`},
		"no JSON":            {"{\n\"version\": 1,\n'bases': []}", 3, "it is not valid JSON"},
		"a comma too many":   {"{\"version\": 1, \"bases\": [\n,]}", 2, "it is not valid JSON"},
		"no version":         {"{\n\"bases\": []}", 1, `"version" is missing`},
		"no bases":           {"\n{\n\"version\": 1}", 2, `"bases" is missing`},
		"newer":              {"{\n\"version\": 2,\n\"other\": {}}", 2, "it is of version 2, and this imgo knows version 1 only"},
		"version as text":    {"{\"version\": \"1\"}", 1, `version is "1" instead of a number`},
		"unknown":            {"{\"version\": 1,\n\"bases\": [],\n\"x\": 1}", 3, `unknown field "x", perhaps of a newer imgo`},
		"unknown in an item": {entry("\"name\": \"" + alpine + "\",\n\"identity\": {}"), 6, `unknown field "identity", perhaps of a newer imgo`},
		"twice":              {"{\"version\": 1,\n\"version\": 1}", 2, `"version" is there twice`},
		"bases no list":      {"{\"version\": 1,\n\"bases\": {}}", 2, `there is "{" instead of a list`},
		"a base no object":   {"{\"version\": 1,\n\"bases\": [\nnull]}", 3, "there is null instead of an object"},
		"behind the end":     {golden + "{}", 19, "something behind its end"},
		"no digest":          {entry(`"name": "` + alpine + `"`), 4, `"digest" is missing`},
		"no name":            {entry(digest), 4, `"name" is missing`},
		"short name":         {entry("\"name\": \"alpine:3.24\",\n" + digest), 5, `"alpine:3.24" is not a fully qualified name`},
		"other short name":   {entry("\"name\": \"docker.io/alpine:3.24\",\n" + digest), 5, "not a fully qualified name"},
		"no tag":             {entry("\"name\": \"docker.io/library/alpine\",\n" + digest), 5, "not a fully qualified name"},
		"name with digest":   {entry("\"name\": \"a.b/c:d@" + hash("a").String() + "\",\n" + digest), 5, "not a fully qualified name"},
		"alias of Docker's":  {entry("\"name\": \"index.docker.io/library/alpine:3.24\",\n" + digest), 5, "not a fully qualified name"},
		"number as name":     {entry("\"name\": 5"), 5, "name is 5 instead of a string"},
		"bad digest":         {entry(`"digest": "sha256:abc"`), 5, `"sha256:abc" is not a digest`},
		"bad time":           {entry("\n\"created\": \"yesterday\""), 6, `"yesterday" is not a time`},
		"time out of range":  {entry(`"created": "9999-12-31T23:59:59-01:00"`), 5, "is not a time"},
		"bad platform":       {entry("\"platforms\": [\n\"linux/amd64\",\n\"linux\"]"), 7, `"linux" is not a platform`},
		"signer no object":   {entry("\"verified\": \"me\""), 5, `there is "me" instead of an object`},
		"signer of a newer":  {entry("\"verified\": {\n\"log\": 1}"), 6, `unknown field "log", perhaps of a newer imgo`},
		"signer is nobody":   {entry("\"verified\": {}"), 5, "verified is neither a key nor an identity with its issuer"},
		"signer is two":      {entry("\"verified\": {\"key\": \"" + hash("c").String() + "\", \"identity\": \"a\", \"issuer\": \"b\"}"), 5, "verified is neither"},
		"signer by nobody":   {entry("\"verified\": {\"identity\": \"a\"}"), 5, "verified is neither"},
		"signer with blanks": {entry("\"verified\": {\n\"identity\": \"a b\"}"), 6, `identity is "a b", which is empty or has blanks`},
		"signer's key":       {entry("\"verified\": {\n\"key\": \"me\"}"), 6, `"me" is not the sum of a key`},
		"pinned twice":       {strings.Replace(golden, static, alpine, 1), 14, alpine + " is pinned twice"},
		"conflict": {strings.Replace(golden, `      "digest"`, "<<<<<<< HEAD\n      \"digest\"", 1), 6,
			"it has an unresolved merge conflict"},
	} {
		path := filepath.Join(t.TempDir(), Name)
		if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Read(path)
		e, ok := errors.AsType[*FormatError](err)
		if !ok || e.Line != c.line || e.Path != path || !strings.Contains(e.Reason, c.want) {
			t.Errorf("%s: %v, want line %d: %s", name, err, c.line, c.want)
		}
	}
	if _, err := Read(t.TempDir()); !isA[*FormatError](err) {
		t.Errorf("a directory: %v", err)
	}
	big := filepath.Join(t.TempDir(), Name)
	if err := os.WriteFile(big, make([]byte, maxSize+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(big); !isA[*FormatError](err) {
		t.Errorf("a large file: %v", err)
	}
}

// What people do to the file is put right by the next change.
func TestAnyOrderIsRead(t *testing.T) {
	one, two, _ := strings.Cut(golden, "    },\n    {\n")
	head, first, _ := strings.Cut(one, "    {\n")
	second, tail, _ := strings.Cut(two, "    }\n")
	swapped := strings.ReplaceAll(head+"    {\n"+second+"    },\n    {\n"+first+"    }\n"+tail, "\n", "\r\n")
	f, err := parse("x", []byte(swapped))
	if err != nil {
		t.Fatal(err)
	}
	data, err := f.Marshal()
	if diff := cmp.Diff(golden, string(data)); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(golden))
	f.Add([]byte(`{"version":1,"bases":[{"name":"a.b/c:d","digest":"","created":"2026-01-01T00:00:00+01:00","platforms":[]}]}`))
	f.Add([]byte("<<<<<<< x\n"))
	f.Add([]byte(`{"version":1,"bases":[{"name":"a.b/c:d","digest":"` + hash("a").String() + `","verified":{"identity":"a@b","issuer":"https://c"}}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := parse("x", data)
		if err != nil {
			if e, ok := errors.AsType[*FormatError](err); !ok || e.Line < 1 || e.Line > strings.Count(string(data), "\n")+1 {
				t.Fatal(err)
			}
			return
		}
		out, err := file.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		again, err := parse("x", out)
		if err != nil {
			t.Fatalf("%v in %s", err, out)
		}
		if diff := cmp.Diff(file.Entries(), again.Entries()); diff != "" {
			t.Fatal(diff)
		}
		if twice, _ := again.Marshal(); string(twice) != string(out) {
			t.Fatalf("%s became %s", out, twice)
		}
	})
}
