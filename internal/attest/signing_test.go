package attest

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/imgo-build/imgo/internal/attest/wire"
	"github.com/imgo-build/imgo/pkg/build"
	"github.com/imgo-build/imgo/pkg/publish"
)

func TestSignAndVerify(t *testing.T) {
	f := newFixture(t)
	if f.verify(t, "me", Signature).Verified {
		t.Error("an unsigned image is verified")
	}
	f.signAll(t)
	if f.reg.puts != 3 {
		t.Errorf("%d signatures of an index with two images", f.reg.puts)
	}
	if r := f.verify(t, "me", Signature); !r.Verified || len(r.Subjects) != 3 {
		t.Errorf("report %+v", r)
	}
	f.signAll(t)
	if f.reg.puts != 3 || f.seals.asked != 1 {
		t.Errorf("signing again put %d and signed %d times", f.reg.puts-3, f.seals.asked-1)
	}
	r := f.verify(t, "somebody else", Signature)
	if r.Verified || len(r.Subjects[0].Ignored) != 1 || r.Subjects[0].Ignored[0].Code != wire.CodeOtherKey {
		t.Errorf("report for another key: %+v", r)
	}
	if r := f.verify(t, "me", Kinds...); r.Verified {
		t.Error("verified without SBOM and provenance")
	}
}

func TestOlderScheme(t *testing.T) {
	f := newFixture(t)
	f.sign.CosignTags = true
	f.signAll(t)
	f.signAll(t)
	if f.reg.puts != 6 {
		t.Errorf("%d signatures in two schemes", f.reg.puts)
	}
	clear(f.reg.attached)
	r := f.verify(t, "me", Signature)
	if !r.Verified || !r.Subjects[0].Checks[0].OldScheme {
		t.Errorf("report %+v", r)
	}
	// One for another digest, under the tag of this one.
	f.reg.old[f.top.Digest.String()+wire.SignatureSuffix] = f.reg.old[f.one.Digest.String()+wire.SignatureSuffix]
	if r := f.verify(t, "me", Signature); r.Verified || !strings.Contains(r.Subjects[0].Checks[0].Reason, "another image") {
		t.Errorf("report of a replayed signature: %+v", r)
	}
}

// Both schemes are made with one start of imgo-sigstore, and what the tag points to is
// told of last.
func TestSigningIsOneStart(t *testing.T) {
	f := newFixture(t)
	f.sign.CosignTags = true
	f.signAll(t)
	if f.seals.asked != 1 || f.seals.verified != 0 {
		t.Errorf("signed with %d starts, verified with %d", f.seals.asked, f.seals.verified)
	}
	if n := len(f.reg.order); n != 3 || f.reg.order[n-1] != f.top.Digest {
		t.Errorf("attached in the order %v; the index is %s", f.reg.order, f.top.Digest)
	}
	// An image that lost its bundles gets them again, and no more signatures of the other kind.
	delete(f.reg.attached, f.one.Digest)
	f.signAll(t)
	if f.reg.puts != 7 {
		t.Errorf("%d signatures, of which one is new", f.reg.puts)
	}
}

func TestPublicKeyIsRemembered(t *testing.T) {
	f := newFixture(t)
	results := remembered{}
	for range 2 {
		f.start(results)
		f.signAll(t)
	}
	if f.seals.opened != 1 {
		t.Errorf("the key was opened %d times", f.seals.opened)
	}
	for key, value := range results {
		if strings.Contains(key, "me") || strings.Contains(string(value), "password") {
			t.Errorf("remembered: %s: %s", key, value)
		}
	}
	f.start(results)
	f.opts.Recheck = true
	f.signAll(t)
	if f.seals.opened != 2 || f.reg.puts != 3 {
		t.Errorf("opened %d times, %d signatures", f.seals.opened, f.reg.puts)
	}
}

var refused = &publish.AttachError{Registry: "r.example", Repository: "app", Err: &publish.RegistryError{Registry: "r.example", Status: http.StatusBadRequest}}

// A registry that takes no artifacts can be signed in by tags.
func TestRefusedBundles(t *testing.T) {
	f := newFixture(t)
	f.reg.refused = refused
	_, err := f.SignReference(t.Context(), f.ref, f.sign)
	var signing *SignError
	if !errors.As(err, &signing) || !errors.As(err, new(*publish.AttachError)) || len(f.warnings) != 0 {
		t.Errorf("without tags: %v, warnings %q", err, f.warnings)
	}
	f.sign.CosignTags = true
	f.start(nil)
	f.signAll(t)
	if r := f.verify(t, "me", Signature); !r.Verified || !r.Subjects[0].Checks[0].OldScheme {
		t.Errorf("report %+v", r)
	}
	if len(f.warnings) != 1 || !strings.Contains(f.warnings[0], "older tags only") {
		t.Errorf("warnings %q", f.warnings)
	}
	for what, err := range map[string]error{
		"a network error": &publish.UnreachableError{Host: "r.example", Err: errors.New("x")},
		"a full registry": &publish.RegistryError{Status: 507},
	} {
		f.reg.refused = err
		if _, got := f.SignReference(t.Context(), f.ref, f.sign); !errors.Is(got, err) {
			t.Errorf("%s: %v", what, got)
		}
	}
}

// What lies in the place of the list of artifacts is not overwritten, and nothing is
// written to a log before that is known.
func TestSigningWithTheListOverwritten(t *testing.T) {
	f := newFixture(t)
	tag := &publish.TagError{Reference: "r.example/app:sha256-1", Needed: true}
	f.reg.problems[f.one.Digest] = tag
	if _, err := f.SignReference(t.Context(), f.ref, f.sign); !errors.Is(err, tag) || f.seals.asked != 0 {
		t.Errorf("error %v, %d signatures", err, f.seals.asked)
	}
	tag.Needed = false
	f.signAll(t)
	if r := f.verify(t, "me", Signature); !r.Verified || len(r.Subjects[1].Ignored) != 1 {
		t.Errorf("with a list of the registry's own: %+v", r)
	}
	f.sign.CosignTags = true
	f.reg.oldBroken[f.top.Digest.String()+wire.SignatureSuffix] = &publish.TagError{Reference: "r.example/app:sha256-1.sig"}
	if _, err := f.SignReference(t.Context(), f.ref, f.sign); !errors.As(err, &tag) || f.seals.asked != 1 {
		t.Errorf("error %v, %d signatures", err, f.seals.asked)
	}
}

func TestUnasked(t *testing.T) {
	f := newFixture(t)
	for _, err := range []error{refused, &publish.TagError{Reference: "t"}} {
		for origin, passes := range map[string]bool{"": true, "base": true, "sbom": false, "provenance": false} {
			f.warnings = nil
			m := &build.Made{Target: &build.Target{Settings: build.Settings{Origins: map[string]string{origin: "--" + origin}}}}
			got := f.unasked(m, f.repo, err)
			if (got == nil) != passes || (len(f.warnings) == 1) != passes {
				t.Errorf("%q asked for: %v, warnings %q", origin, got, f.warnings)
			}
		}
	}
	network := &publish.UnreachableError{Host: "x", Err: errors.New("y")}
	if got := f.unasked(&build.Made{Target: &build.Target{}}, f.repo, network); got != network {
		t.Errorf("the network's error became %v", got)
	}
	// What was passed over is not taken for told once somebody asks.
	quiet, loud := &build.Made{Target: &build.Target{}}, &build.Made{Target: &build.Target{}}
	loud.Target.Settings.Origins = map[string]string{"sbom": "--sbom"}
	if f.key(quiet, nil) == f.key(loud, nil) {
		t.Error("both are remembered alike")
	}
}
