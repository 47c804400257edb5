package build

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func packages(names ...string) []Target {
	var out []Target
	for _, n := range names {
		name := n[strings.LastIndex(n, "/")+1:]
		out = append(out, Target{Name: name, Package: Package{ImportPath: "example.com/m/" + n, Name: name}})
	}
	return out
}

func naming(t *testing.T, prefix string, tags ...string) Naming {
	t.Helper()
	n := Naming{Prefix: prefix}
	for _, arg := range tags {
		tag, err := ParseTagArg(arg)
		if err != nil {
			t.Fatal(err)
		}
		n.Tags = append(n.Tags, tag)
	}
	return n
}

func TestNames(t *testing.T) {
	for _, c := range []struct {
		name   string
		kind   OutputKind
		prefix string
		tags   []string
		pkgs   []string
		want   [][]string // tags of each target
	}{
		{"no name", ToTarball, "", nil, []string{"server"}, [][]string{{"imgo.local/server:latest"}}},
		{"only a tag", ToTarball, "", []string{":v1"}, []string{"server"}, [][]string{{"imgo.local/server:v1"}}},
		{"full name", ToRegistry, "", []string{"ghcr.io/acme/api:v1"}, []string{"server"}, [][]string{{"ghcr.io/acme/api:v1"}}},
		{"name without tag", ToRegistry, "", []string{"ghcr.io/acme/api"}, []string{"server"}, [][]string{{"ghcr.io/acme/api:latest"}}},
		{"port, no tag", ToRegistry, "", []string{"localhost:5000/api"}, []string{"server"}, [][]string{{"localhost:5000/api:latest"}}},
		{"two tags of one repository", ToRegistry, "", []string{"ghcr.io/a/x:v1", "ghcr.io/a/x:v2", ":v1"}, []string{"x"}, [][]string{{"ghcr.io/a/x:v1", "ghcr.io/a/x:v2"}}},
		{"two repositories and a tag", ToRegistry, "", []string{"ghcr.io/a/x:v1", "quay.io/b/x", ":v9"}, []string{"x"},
			[][]string{{"ghcr.io/a/x:v1", "ghcr.io/a/x:v9", "quay.io/b/x:latest", "quay.io/b/x:v9"}}},
		{"prefix", ToRegistry, "ghcr.io/acme", nil, []string{"server", "migrate"}, [][]string{{"ghcr.io/acme/server:latest"}, {"ghcr.io/acme/migrate:latest"}}},
		{"prefix and tags", ToRegistry, "ghcr.io/acme", []string{":v1", ":v2"}, []string{"server"}, [][]string{{"ghcr.io/acme/server:v1", "ghcr.io/acme/server:v2"}}},
		{"full name beats prefix", ToRegistry, "ghcr.io/acme", []string{"quay.io/x/y"}, []string{"server"}, [][]string{{"quay.io/x/y:latest"}}},
		{"upper case", ToRegistry, "ghcr.io/acme", nil, []string{"Server"}, [][]string{{"ghcr.io/acme/server:latest"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := NewPlan(Request{Naming: naming(t, c.prefix, c.tags...), Output: Output{Kind: c.kind}}, packages(c.pkgs...))
			if err != nil {
				t.Fatal(err)
			}
			var got [][]string
			for _, target := range p.Targets {
				var tags []string
				for _, d := range target.Repos {
					for _, tag := range d.Tags {
						tags = append(tags, tag.Name())
					}
				}
				got = append(got, tags)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("tags (-want +got):\n%s", diff)
			}
		})
	}
}

func TestNamesThatCannotBeMeant(t *testing.T) {
	for _, c := range []struct {
		name   string
		out    Output
		prefix string
		tags   []string
		pkgs   []string
		want   string // part of the error
	}{
		{"nowhere to go", Output{Kind: ToRegistry}, "", nil, []string{"x"}, "nowhere to go"},
		{"nowhere to go with a tag", Output{Kind: ToRegistry}, "", []string{":v1"}, []string{"x"}, "--repo PREFIX"},
		{"one name for several", Output{Kind: ToRegistry}, "", []string{"ghcr.io/a/x"}, []string{"x", "y"}, "names one image, but there are 2 (x, y)"},
		{"one file for several", Output{Kind: ToTarball, Path: "/out/x.tar"}, "", nil, []string{"x", "y"}, "can't share one file x.tar"},
		{"two of one name", Output{Kind: ToTarball}, "", nil, []string{"a/server", "b/server"}, `example.com/m/a/server and example.com/m/b/server would both be named "server"`},
		{"two that differ in case", Output{Kind: ToTarball}, "", nil, []string{"a/server", "b/Server"}, "would both be named"},
		{"a word beside a prefix", Output{Kind: ToRegistry}, "ghcr.io/a", []string{":v2", "v1"}, []string{"x"}, "did you mean -t :v1?"},
		{"no image's name", Output{Kind: ToRegistry}, "ghcr.io/a", nil, []string{"wörld"}, "name it with -t"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := NewPlan(Request{Naming: naming(t, c.prefix, c.tags...), Output: c.out}, packages(c.pkgs...))
			if _, ok := err.(*UsageError); !ok || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want a usage error with %q", err, c.want)
			}
		})
	}
}

func TestParseTagArgRefuses(t *testing.T) {
	for arg, want := range map[string]string{
		"":                             "-t",
		":":                            "is not a tag",
		":.x":                          "is not a tag",
		":" + strings.Repeat("x", 129): "is not a tag",
		":a b":                         "is not a tag",
		"ghcr.io/A/x":                  "lower case",
		"ghcr.io/a/x@sha256:abc":       "digest",
		"https://ghcr.io/a/x":          "without a scheme",
		"ghcr.io/a/x:":                 "-t",
		"ghcr.io/a/x:v1@sha256:abc":    "digest",
		"ghcr.io/a/x:v1@v2":            "digest",
	} {
		if got, err := ParseTagArg(arg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParseTagArg(%q) = %v, %v, want an error with %q", arg, got, err, want)
		}
	}
}

func TestPasswordsInNamesAreNotRepeated(t *testing.T) {
	for arg, want := range map[string]string{
		"bob:SECRET@r.example/x/y:v1":            `"***@r.example/x/y:v1"`,
		"bob:SECRET@r.example:5000/x":            "imgo login r.example:5000,",
		"bob:SE/CR@ET@r.example/x":               "imgo login r.example,",
		"https://bob:SECRET@r.example/x":         "imgo login r.example,",
		"bob:SECRET@r.example/x@sha256:abc":      "imgo login r.example,",
		"bob:SECRET@r.example/x:v1@sha256:abc01": "imgo login r.example,",
	} {
		_, tagErr := ParseTagArg(arg)
		_, repoErr := ParsePrefix(arg)
		for _, err := range []error{tagErr, repoErr} {
			if _, ok := err.(*UsageError); !ok || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want a usage error with %s", arg, err, want)
			}
			if strings.Contains(err.Error(), "SE") || strings.Contains(err.Error(), "bob") {
				t.Errorf("%s: credentials are in the error: %v", arg, err)
			}
		}
	}
	for _, arg := range []string{"ghcr.io/a/x:v1", "localhost:5000/x", "x:v1@sha256:00", "ghcr.io/a/x:v1@sha256:00", ":v1", "", "a@b"} {
		if redacted, host, found := Credentials(arg); found || redacted != arg || host != "" {
			t.Errorf("%s: credentials found before %s", arg, host)
		}
	}
}

func FuzzParseTagArg(f *testing.F) {
	for _, s := range []string{":v1", "a/b:c", "localhost:5000/x", "x@sha256:00", "//:"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, arg string) {
		got, err := ParseTagArg(arg)
		if err != nil {
			return
		}
		// What was accepted can be used: no later step finds it invalid.
		n := Naming{Tags: []TagArg{got}}
		if got.Repo == "" {
			n.Prefix = "example.com/p"
		}
		if _, err := NewPlan(Request{Naming: n, Output: Output{Kind: ToRegistry}}, packages("x")); err != nil {
			t.Errorf("ParseTagArg(%q) accepted what can't be used: %v", arg, err)
		}
	})
}

func TestSourceURL(t *testing.T) {
	for path, want := range map[string]string{
		"github.com/acme/server":       "https://github.com/acme/server",
		"github.com/acme/server/v2/x":  "https://github.com/acme/server",
		"gitlab.com/group/project":     "https://gitlab.com/group/project",
		"example.com/server":           "",
		"github.com/acme":              "",
		"go.example.org/github.com/ax": "",
	} {
		if got := sourceURL(&Module{Path: path}); got != want {
			t.Errorf("sourceURL(%q) = %q, want %q", path, got, want)
		}
	}
	if got := sourceURL(nil); got != "" {
		t.Errorf("sourceURL(nil) = %q", got)
	}
}
