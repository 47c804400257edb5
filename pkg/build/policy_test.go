package build_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/random"

	"github.com/imgo-build/imgo/internal/policy"
	"github.com/imgo-build/imgo/pkg/build"
)

// judge finds the same wrong with every image of some targets.
type judge struct {
	wrong map[string][]policy.Violation // by target
	err   error

	mu   sync.Mutex
	seen []string
}

func (j *judge) Judge(_ context.Context, m *build.Made) ([]policy.Violation, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	what := fmt.Sprintf("%s %d images", m.Target.Name, len(m.Images))
	for _, i := range m.Images {
		for _, p := range i.Programs {
			what += " " + p.Path
		}
	}
	if m.Artifact == nil || m.Descriptor.Digest == (v1.Hash{}) {
		what += " and nothing to look at"
	}
	j.seen = append(j.seen, what)
	return j.wrong[m.Target.Name], j.err
}

func TestNothingIsPublishedThatBreaksItsPolicy(t *testing.T) {
	w := newWorld(t)
	root := policy.Violation{Rule: policy.NonRoot, Platform: "linux/amd64", Text: "the image starts as root"}
	large := policy.Violation{Rule: policy.MaxSize, Platform: "linux/amd64", Text: "it is too large"}
	j := &judge{wrong: map[string][]policy.Violation{"b": {root, large}}}
	w.stages.Judge = j
	p := plan(t, []v1.Platform{amd64}, nil, "a", "b", "c")
	for i := range 2 {
		p.Targets[i].Settings.Policy = &policy.Policy{NonRoot: true, MaxSize: 1}
		p.Targets[i].Settings.Origins = map[string]string{"policy.nonRoot": ".imgo.yaml:3:5"}
	}
	_, err := build.Run(t.Context(), p, w.stages)
	e, ok := errors.AsType[*build.PolicyError](err)
	if !ok || len(e.Violations) != 2 {
		t.Fatalf("%v", err)
	}
	want := "github.com/acme/m/b: image b breaks its policy:\n" +
		"nonRoot: the image starts as root (linux/amd64; .imgo.yaml:3:5)\nmaxSize: it is too large (linux/amd64)"
	if diff := cmp.Diff(want, err.Error()); diff != "" {
		t.Error(diff)
	}
	for _, line := range w.registry.log {
		if strings.Contains(line, "acme/b") && !strings.HasPrefix(line, "close") {
			t.Errorf("%s", line)
		}
	}
	if w.registry.got["acme/a"] == nil || w.registry.got["acme/c"] == nil {
		t.Error("what breaks nothing was not pushed")
	}
	if len(j.seen) != 2 {
		t.Errorf("judged %q: only what has a policy is", j.seen)
	}
}

func TestAJudgeThatFails(t *testing.T) {
	w := newWorld(t)
	gone := errors.New("gone")
	w.stages.Judge = &judge{err: gone}
	p := plan(t, []v1.Platform{amd64}, []string{"registry.test/a/x"}, "x")
	p.Targets[0].Settings.Policy = &policy.Policy{NonRoot: true}
	if _, err := build.Run(t.Context(), p, w.stages); !errors.Is(err, gone) || !strings.Contains(err.Error(), "holding x to its policy") {
		t.Error(err)
	}
	if w.registry.got["a/x"] != nil {
		t.Error("it was pushed")
	}
}

func TestArchivesAreJudgedAndNotWritten(t *testing.T) {
	w := newWorld(t)
	img, err := random.Image(100, 1)
	if err != nil {
		t.Fatal(err)
	}
	j := &judge{wrong: map[string][]policy.Violation{"x": {{Rule: policy.Static, Text: "it is dynamic"}}}}
	w.stages.Judge = j
	out := filepath.Join(t.TempDir(), "x.tar")
	p, err := build.NewPlan(build.Request{Output: build.Output{Kind: build.ToTarball, Path: out}, Jobs: 1},
		[]build.Target{{Name: "x", Artifact: img, Origin: "in.tar", Settings: build.Settings{Policy: &policy.Policy{Static: true}}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := build.Run(t.Context(), p, w.stages); err == nil || err.Error() != "in.tar: image x breaks its policy:\nstatic: it is dynamic" {
		t.Error(err)
	}
	if diff := cmp.Diff([]string{"x 0 images"}, j.seen); diff != "" {
		t.Error(diff)
	}
	if _, err := os.Stat(out); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it was written: %v", err)
	}
}

// What can't come true is said before anything is built, and only where it counts.
func TestRequiredAttestationsThatNobodyMakes(t *testing.T) {
	all := []string{policy.Signature, policy.SBOM, policy.Provenance}
	signed := build.Attestations{SBOM: []string{"spdx"}, Provenance: true, Sign: &build.Signing{}}
	unsigned, less := signed, signed
	unsigned.Sign, less.SBOM, less.Provenance = nil, nil, false
	for name, c := range map[string]struct {
		attest   build.Attestations
		require  []string
		archive  bool
		to       build.OutputKind
		problems []string
	}{
		"all":     {attest: signed, require: all},
		"on disk": {require: all, to: build.ToLayout},
		"unsigned": {attest: unsigned, require: all, problems: []string{
			"the image is not signed", "the sbom is not signed, and counts for nobody", "the provenance is not signed, and counts for nobody"}},
		"switched off": {attest: less, require: all, problems: []string{
			"the image gets no sbom: it is switched off", "the image gets no provenance: it is switched off"}},
		"archive":        {attest: less, require: all[:2], archive: true, problems: []string{"an image that was built before gets no sbom"}},
		"signed archive": {attest: less, require: all[:1], archive: true},
	} {
		target := build.Target{
			Name: "x", Package: build.Package{ImportPath: "m/x", Name: "x"},
			Settings: build.Settings{Policy: &policy.Policy{Require: c.require}, Attest: c.attest, Repository: "registry.test/a/x", Platforms: []v1.Platform{amd64}},
		}
		if c.archive {
			target.Artifact, _ = random.Image(10, 1)
		}
		req := build.Request{Output: build.Output{Kind: c.to, Path: "out"}}
		if c.to == "" {
			req.Output.Kind = build.ToRegistry
			tag, err := build.ParseTagArg("registry.test/a/x:v1")
			if err != nil {
				t.Fatal(err)
			}
			req.Naming.Tags = append(req.Naming.Tags, tag)
		}
		_, err := build.NewPlan(req, []build.Target{target})
		var got []string
		if e, ok := errors.AsType[*build.PolicyError](err); ok {
			for _, v := range e.Violations {
				got = append(got, v.Text)
			}
		} else if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(c.problems, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
	}
}
