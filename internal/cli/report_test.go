package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/imgo-build/imgo/internal/progress"
	"github.com/imgo-build/imgo/pkg/build"
)

var digest = v1.Hash{Algorithm: "sha256", Hex: strings.Repeat("a", 64)}

// results are those of a run in which one of two packages failed.
func results(t *testing.T) []build.Result {
	t.Helper()
	repo, err := name.NewRepository("r.example/one")
	if err != nil {
		t.Fatal(err)
	}
	return []build.Result{
		{
			Target: build.Target{Name: "bad", Package: build.Package{ImportPath: "example.com/bad"}},
			Err:    errors.New("it | broke\nhere"),
		},
		{
			Target: build.Target{
				Name: "one", Package: build.Package{ImportPath: "example.com/one"}, Path: "/out/one.tar",
				Repos: []build.Destination{{Repo: repo, Tags: []name.Tag{repo.Tag("v1"), repo.Tag("v2")}}},
			},
			References: []string{"r.example/one@" + digest.String()},
			Digest:     digest,
			MediaType:  types.OCIManifestSchema1,
			Images: []build.ImageResult{{
				Platform: v1.Platform{OS: "linux", Architecture: "arm", Variant: "v7"},
				Digest:   digest, Base: "alpine:3", BaseSum: digest.String(),
				Layers: []build.LayerResult{{Digest: digest, Size: 1500, Created: "/bin/sh -c\nmore"}, {Digest: digest, Size: 500}},
			}},
		},
	}
}

func TestJSONReport(t *testing.T) {
	var out bytes.Buffer
	a := &app{Process: Process{Stdout: &out}}
	if err := a.printResults(results(t), true); err != nil {
		t.Fatal(err)
	}
	want := `{
  "images": [
    {
      "name": "bad",
      "package": "example.com/bad",
      "references": [],
      "tags": [],
      "error": "it | broke\nhere"
    },
    {
      "name": "one",
      "package": "example.com/one",
      "references": [
        "r.example/one@DIGEST"
      ],
      "tags": [
        "r.example/one:v1",
        "r.example/one:v2"
      ],
      "digest": "DIGEST",
      "mediaType": "application/vnd.oci.image.manifest.v1+json",
      "path": "/out/one.tar",
      "platforms": [
        {
          "platform": "linux/arm/v7",
          "digest": "DIGEST",
          "baseName": "alpine:3",
          "baseDigest": "DIGEST",
          "layers": [
            {
              "digest": "DIGEST",
              "size": 1500,
              "createdBy": "/bin/sh -c\nmore"
            },
            {
              "digest": "DIGEST",
              "size": 500
            }
          ]
        }
      ]
    }
  ]
}
`
	if diff := cmp.Diff(want, strings.ReplaceAll(out.String(), digest.String(), "DIGEST")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Lists are never null: whoever reads the document needn't look.
func TestJSONReportOfNothing(t *testing.T) {
	raw, err := json.Marshal(report(nil))
	if err != nil || string(raw) != `{"images":[]}` {
		t.Errorf("%s, %v", raw, err)
	}
}

func TestReferencesAreAllOfStandardOutput(t *testing.T) {
	var out bytes.Buffer
	a := &app{Process: Process{Stdout: &out}}
	if err := a.printResults(results(t), false); err != nil {
		t.Fatal(err)
	}
	if want := "r.example/one@" + digest.String() + "\n"; out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
	a.Stdout = brokenPipe{}
	if err := a.printResults(results(t), false); err == nil || !strings.Contains(err.Error(), "standard output") {
		t.Errorf("%v", err)
	}
}

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, os.ErrClosed }

func TestSummary(t *testing.T) {
	var out bytes.Buffer
	printSummary(&out, results(t), []progress.Stage{{Name: "compile", Time: 2 * time.Second}, {Name: "layer", Time: time.Second}}, 3*time.Second)
	want := `r.example/one:v1, r.example/one:v2 in /out/one.tar
  linux/arm/v7  2.0 kB in 2 layers
       1.5 kB  /bin/sh -c
        500 B  
  done in 3.0s: compile 2.0s, layer 1.0s
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	out.Reset()
	if printSummary(&out, results(t)[:1], nil, time.Second); out.Len() > 0 {
		t.Errorf("a summary of nothing: %q", out.String())
	}
}

func TestFirstLine(t *testing.T) {
	for in, want := range map[string]string{
		"":                       "",
		"a\nb":                   "a",
		strings.Repeat("é", 80):  strings.Repeat("é", 80),
		strings.Repeat("é", 81):  strings.Repeat("é", 79) + "…",
		strings.Repeat("x", 200): strings.Repeat("x", 79) + "…",
	} {
		if got := firstLine(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestGitHubOutputs(t *testing.T) {
	dir := t.TempDir()
	outputs, summary := filepath.Join(dir, "outputs"), filepath.Join(dir, "summary")
	if err := os.WriteFile(outputs, []byte("earlier=1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	a := &app{github: true, Process: Process{Env: []string{"GITHUB_OUTPUT=" + outputs, "GITHUB_STEP_SUMMARY=" + summary}}}
	rs := results(t)
	rs[1].Target.Path = "/out/x\n" + outputDelimiter + "\nreference<<y"
	if err := a.writeGitHub(rs); err != nil {
		t.Fatal(err)
	}
	want := `earlier=1
reference<<imgo-end-of-output
REF
imgo-end-of-output
digest<<imgo-end-of-output
DIGEST
imgo-end-of-output
references<<imgo-end-of-output
["REF"]
imgo-end-of-output
tarball<<imgo-end-of-output-
/out/x
imgo-end-of-output
reference<<y
imgo-end-of-output-
`
	short := strings.NewReplacer(rs[1].References[0], "REF", digest.String(), "DIGEST")
	got, err := os.ReadFile(outputs)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, short.Replace(string(got))); diff != "" {
		t.Errorf("outputs (-want +got):\n%s", diff)
	}
	want = "### Images\n\n| image | platform | size | reference |\n|---|---|---|---|\n" +
		"| bad | | | failed: it \\| broke |\n| one | linux/arm/v7 | 2.0 kB | `REF` |\n\n"
	if got, err = os.ReadFile(summary); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, short.Replace(string(got))); diff != "" {
		t.Errorf("summary (-want +got):\n%s", diff)
	}
	a.github = false
	if err := a.writeGitHub(rs); err != nil {
		t.Fatal(err)
	}
	if again, _ := os.ReadFile(summary); !bytes.Equal(got, again) {
		t.Error("written although this is no step of GitHub Actions")
	}
}
