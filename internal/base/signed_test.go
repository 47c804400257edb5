package base

import (
	"errors"
	"slices"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/imgo-build/imgo/pkg/publish"
)

func TestRepositoriesOfABase(t *testing.T) {
	s := New(Options{Dir: t.TempDir(), Mirrors: map[string]string{"docker.io": "mirror.example/hub"}})
	for ref, want := range map[string][]string{
		"scratch":    nil,
		"oci:layout": nil,
		"alpine":     {"mirror.example/hub/library/alpine", "index.docker.io/library/alpine"},
		"distroless": {"gcr.io/distroless/static-debian13"},
	} {
		repos, err := s.Repositories(ref)
		if err != nil {
			t.Errorf("%s: %v", ref, err)
		}
		var got []string
		for _, r := range repos {
			got = append(got, r.Name())
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", ref, got, want)
		}
	}
	if _, err := s.Repositories("Not A Name"); err == nil {
		t.Error("no reference, and no error")
	}
}

// The images of an index are those that can be run, in its order; of what was resolved
// before they cost no request.
func TestImagesUnderADigest(t *testing.T) {
	r := newRegistry(t)
	index := newIndex(t, "linux/amd64", "linux/arm64")
	ref := r.push(t, "library/base:1", index)
	s := newSource(t, newStore())
	b := mustBase(t, s, ref, "linux/arm64")
	r.requests()
	got, err := s.Images(t.Context(), ref, b.Index)
	if err != nil || len(got) != 2 || got[1] != b.Digest {
		t.Errorf("%v, %v", got, err)
	}
	if log := r.requests(); len(log) != 0 {
		t.Errorf("asked again: %q", log)
	}
	if got, err := s.Images(t.Context(), ref, b.Digest); err != nil || !slices.Equal(got, []v1.Hash{b.Digest}) {
		t.Errorf("an image: %v, %v", got, err)
	}
	_, err = s.Images(t.Context(), ref, v1.Hash{Algorithm: "sha256", Hex: "00" + b.Digest.Hex[2:]})
	if !AskNext(err) {
		t.Errorf("what isn't there: %v", err)
	}
	if _, err := s.Images(t.Context(), "scratch", b.Digest); err == nil || AskNext(err) {
		t.Errorf("scratch: %v", err)
	}
	if !AskNext(&publish.RegistryError{Status: 503}) || AskNext(&publish.AuthError{Status: 401}) || AskNext(errors.New("x")) {
		t.Error("a mirror is passed over where it doesn't answer, and nowhere else")
	}
}
