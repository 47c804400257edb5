package attest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/imgo-build/imgo/internal/attest/wire"
	"github.com/imgo-build/imgo/pkg/publish"
)

// What somebody else attaches, or moves, doesn't count.
func TestTampering(t *testing.T) {
	for what, tt := range map[string]struct {
		do     func(*fixture)
		reason string
	}{
		"a signature of another image": {func(f *fixture) {
			f.reg.attached[f.top.Digest] = f.reg.attached[f.one.Digest]
		}, "it was signed for another image, "},
		"an image of the index is not signed": {func(f *fixture) { delete(f.reg.attached, f.one.Digest) }, "there is no signature of "},
		"not a bundle":                        {func(f *fixture) { f.reg.attached[f.top.Digest][0].Content = []byte("nonsense") }, "not a bundle"},
		"only another kind of statement": {func(f *fixture) {
			delete(f.reg.attached, f.top.Digest)
			f.say(t, f.top.Digest, wire.PredicateSPDX, anSPDX)
		}, "there is no signature of "},
		"not a statement": {func(f *fixture) {
			b := sealed{By: "me"}
			b.Envelope.Payload = []byte(`{"_type":"x"}`)
			raw, _ := json.Marshal(b)
			f.reg.attached[f.top.Digest][0].Content = raw
		}, "unknown type"},
		"the tag moved": {func(f *fixture) { f.reg.tags["v1"] = f.put(manifestOf("other"), types.OCIManifestSchema1) }, "there is no signature of "},
		"another image in the index": {func(f *fixture) {
			index := v1.IndexManifest{SchemaVersion: 2, Manifests: []v1.Descriptor{f.put(manifestOf("bad"), types.OCIManifestSchema1)}}
			raw, _ := json.Marshal(index)
			f.reg.tags["v1"] = f.put(string(raw), types.OCIImageIndex)
		}, "there is no signature of "},
	} {
		t.Run(what, func(t *testing.T) {
			f := newFixture(t)
			f.signAll(t)
			tt.do(f)
			r := f.verify(t, "me", Signature)
			if r.Verified || !strings.Contains(reasons(r), tt.reason) {
				t.Errorf("verified %v, because: %q", r.Verified, reasons(r))
			}
		})
	}
	// An annotation that lies hides nothing and adds nothing.
	f := newFixture(t)
	f.signAll(t)
	f.reg.attached[f.top.Digest][0].Annotations[wire.AnnotationPredicateType] = "x"
	if !f.verify(t, "me", Signature).Verified {
		t.Error("an annotation decides what counts")
	}
}

// What the registry says of a manifest decides nothing, and what nobody signed is not
// verified because nothing was asked of it.
func TestNothingIsVerifiedUnasked(t *testing.T) {
	index := func(f *fixture, list ...v1.Descriptor) {
		raw, err := json.Marshal(v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex, Manifests: append([]v1.Descriptor{}, list...)})
		if err != nil {
			t.Fatal(err)
		}
		f.reg.tags["v1"] = f.put(string(raw), types.OCIImageIndex)
	}
	for what, do := range map[string]func(*fixture){
		"an index of nothing":           func(f *fixture) { index(f) },
		"an index around signed images": func(f *fixture) { f.signAll(t); index(f, f.one) },
		"an image that is called an index": func(f *fixture) {
			f.reg.lie = types.OCIImageIndex
			f.reg.tags["v1"] = f.put(manifestOf("lone"), types.OCIImageIndex)
		},
	} {
		f := newFixture(t)
		do(f)
		if r := f.verify(t, "me", SBOM); r.Verified {
			t.Errorf("%s: verified: %+v", what, r)
		}
	}
	// An image for a platform that is called unknown is one; what buildx keeps is none.
	hidden := newFixture(t)
	image := hidden.put(manifestOf("hidden"), types.OCIManifestSchema1)
	image.Platform = &v1.Platform{OS: "unknown", Architecture: "unknown"}
	index(hidden, hidden.one, image)
	hidden.signAll(t)
	if r := hidden.verify(t, "me", Signature); len(r.Subjects) != 3 {
		t.Errorf("an image is passed over: %+v", r)
	}
	told := newFixture(t)
	attestation := told.put(`{"schemaVersion":2,"config":{},"layers":[{"mediaType":"application/vnd.in-toto+json"}]}`, types.OCIManifestSchema1)
	attestation.Platform = &v1.Platform{OS: "unknown", Architecture: "unknown"}
	index(told, told.one, attestation)
	told.signAll(t)
	if r := told.verify(t, "me", Signature); !r.Verified || len(r.Subjects) != 2 {
		t.Errorf("beside an attestation of buildx: %+v", r)
	}
	// An unsigned image in an index in an index.
	f := newFixture(t)
	inner := f.top
	index(f, inner)
	f.signAll(t)
	if r := f.verify(t, "me", Signature); !r.Verified || len(r.Subjects) != 4 {
		t.Errorf("nested indexes: %+v", r)
	}
	delete(f.reg.attached, f.one.Digest)
	if f.verify(t, "me", Signature).Verified {
		t.Error("an unsigned image in a nested index is verified")
	}
	// Neither one nor the other.
	f.reg.tags["v1"] = f.put(`{"manifests":[],"layers":[]}`, types.OCIImageIndex)
	if r, err := f.Verify(t.Context(), f.ref, Trust{KeyPEM: "me"}); err == nil {
		t.Errorf("a manifest that is both: %+v", r)
	}
}

// What anybody may attach stands in nobody's way.
func TestBrokenArtifacts(t *testing.T) {
	f := newFixture(t)
	f.signAll(t)
	f.reg.broken = &publish.ArtifactError{Reference: "r.example/app@sha256:1", Err: &publish.NotFoundError{}}
	f.reg.problems[f.top.Digest] = &publish.TagError{Reference: "r.example/app:sha256-1", Problem: "it holds an image"}
	f.reg.oldBroken[f.top.Digest.String()+wire.AttestationSuffix] = &publish.ArtifactError{Reference: "r.example/app:sha256-1.att"}
	bundle := func(content string) publish.Attachment {
		return publish.Attachment{ArtifactType: wire.BundleMediaType, Content: []byte(content)}
	}
	f.reg.attached[f.top.Digest] = append([]publish.Attachment{
		{ArtifactType: wire.BundleMediaType}, bundle("{} {}"), bundle(strings.Repeat("[", 5000) + strings.Repeat("]", 5000)),
		bundle("null"), bundle(`{"a":"\\\"[[["}`),
	}, f.reg.attached[f.top.Digest]...)
	f.say(t, f.one.Digest, wire.PredicateSPDX, anSPDX)
	f.say(t, f.two.Digest, wire.PredicateSPDX, anSPDX)
	r := f.verify(t, "me", Signature, SBOM)
	if !r.Verified || len(r.Subjects[0].Ignored) != 6 {
		t.Errorf("report %+v", r)
	}
	if r := f.verify(t, "me", Signature, Provenance); r.Verified || len(r.Subjects[0].Ignored) != 7 {
		t.Errorf("report with the older scheme %+v", r)
	}
	puts := f.reg.puts
	f.signAll(t)
	if f.reg.puts != puts {
		t.Errorf("signing again put %d", f.reg.puts-puts)
	}
	for _, err := range []error{context.DeadlineExceeded, &publish.RegistryError{Status: 500}, &publish.AuthError{}} {
		f.reg.broken = err
		if _, err := f.Verify(t.Context(), f.ref, Trust{KeyPEM: "me"}); err == nil {
			t.Error("what could not be read is passed over")
		}
	}
}

// However much is attached, what comes before it counts.
func TestTooMuchIsAttached(t *testing.T) {
	f := newFixture(t)
	f.image(manifestOf("lone"))
	f.signAll(t)
	digest := f.reg.tags["v1"].Digest
	large := publish.Attachment{ArtifactType: wire.BundleMediaType, Content: append([]byte(`{"x":"`+strings.Repeat("<", 9<<20)), `"}`...)}
	for range 3 {
		f.reg.attached[digest] = append(f.reg.attached[digest], large)
	}
	r := f.verify(t, "me", Signature)
	ignored := r.Subjects[0].Ignored
	if !r.Verified || len(ignored) != 2 || !strings.Contains(ignored[0].Reason, "too much") && !strings.Contains(ignored[1].Reason, "too much") {
		t.Errorf("verified %v, ignored %+v", r.Verified, ignored)
	}
}

// The older scheme counts for each kind that there is nothing newer of, and is asked for
// these only.
func TestOlderSchemeFillsGaps(t *testing.T) {
	f := newFixture(t)
	d := f.image(manifestOf("lone")).Digest
	f.signAll(t)
	old := func(predicateType, predicate string) publish.OldLayer {
		return publish.OldLayer{Content: sealOf(t, d, predicateType, predicate)}
	}
	f.reg.old[d.String()+wire.AttestationSuffix] = []publish.OldLayer{
		old(wire.PredicateSPDX, anSPDX), old(wire.PredicateProvenance, aProvenance), old(wire.PredicateSign, `{}`),
	}
	check := func(asked []string, want map[Kind]bool, require ...Kind) {
		t.Helper()
		f.reg.asked = nil
		r := f.verify(t, "me", require...)
		got := map[Kind]bool{}
		for _, c := range r.Subjects[0].Checks {
			if c.Kind != Content {
				got[c.Kind] = c.OldScheme
			}
		}
		tags := slices.DeleteFunc(f.reg.asked, func(s string) bool { return strings.Contains(s, " ") })
		if diff := cmp.Diff(want, got) + cmp.Diff(asked, tags); !r.Verified || diff != "" {
			t.Errorf("%v: verified %v (-want +got):\n%s", require, r.Verified, diff)
		}
	}
	check([]string{}, map[Kind]bool{Signature: false}, Signature)
	check([]string{}, map[Kind]bool{Signature: false})
	check([]string{wire.AttestationSuffix}, map[Kind]bool{Signature: false, SBOM: true, Provenance: true}, Kinds...)
	f.say(t, d, wire.PredicateSPDX, anSPDX)
	check([]string{wire.AttestationSuffix}, map[Kind]bool{Signature: false, SBOM: false, Provenance: true}, Kinds...)
	f.say(t, d, wire.PredicateProvenance, aProvenance)
	check([]string{}, map[Kind]bool{Signature: false, SBOM: false, Provenance: false}, Kinds...)
}

func TestKindOf(t *testing.T) {
	for in, want := range map[string]Kind{
		wire.PredicateSign: Signature, "https://sigstore.dev/cosign/sign/v12": "", "": "",
		"https://spdx.dev/Document": SBOM, "https://spdx.dev/Document/v2.3": SBOM, "https://spdx.dev/Document/v3": SBOM,
		"https://spdx.dev/DocumentEvil": "", "https://spdx.dev/Document/": "", "https://spdx.dev/Document/vx": "", "https://spdx.dev/": "",
		"https://spdx.dev/Document/v2.3\n": "", "https://spdx.dev/Document/v2.": "",
		"https://cyclonedx.org/bom": SBOM, "https://cyclonedx.org/bom/v1.6": SBOM, "https://cyclonedx.org/bomb": "",
		"https://slsa.dev/provenance/v1": Provenance, "https://slsa.dev/provenance/v0.2": Provenance,
		"https://slsa.dev/provenance/v99": "", "https://slsa.dev/provenance/v1.1": "", "https://slsa.dev/provenance/": "",
	} {
		if got := kindOf(in); got != want {
			t.Errorf("%q is %q, want %q", in, got, want)
		}
	}
}

// Whoever signs an empty document has said nothing.
func TestEmptyPredicates(t *testing.T) {
	for _, c := range []struct {
		predicateType, predicate string
		counts                   bool
	}{
		{wire.PredicateSPDX, anSPDX, true}, {wire.PredicateSPDX + "/v2.3", anSPDX, true}, {wire.PredicateCycloneDX, aCycloneDX, true},
		{wire.PredicateProvenance, aProvenance, true}, {wire.PredicateProvenance02, provenance02, true},
		{wire.PredicateSPDX, `{}`, false}, {wire.PredicateSPDX, `null`, false}, {wire.PredicateSPDX, `"SPDX-2.3"`, false},
		{wire.PredicateSPDX, aCycloneDX, false}, {wire.PredicateCycloneDX, anSPDX, false}, {wire.PredicateCycloneDX, `[]`, false},
		{wire.PredicateProvenance, `{}`, false}, {wire.PredicateProvenance, provenance02, false}, {wire.PredicateProvenance02, aProvenance, false},
		{wire.PredicateProvenance, `{"buildDefinition":{"buildType":"t"}}`, false}, {wire.PredicateProvenance, `7`, false},
	} {
		f := newFixture(t)
		d := f.image(manifestOf("lone")).Digest
		f.say(t, d, c.predicateType, c.predicate)
		kind := kindOf(c.predicateType)
		r := f.verify(t, "me", kind)
		if r.Verified != c.counts {
			t.Errorf("%s %s: verified %v", c.predicateType, c.predicate, r.Verified)
		}
		if ignored := r.Subjects[0].Ignored; !c.counts && (len(ignored) != 1 || ignored[0].Code != wire.CodeBadPredicate) {
			t.Errorf("%s %s: ignored %+v", c.predicateType, c.predicate, ignored)
		}
	}
}

// A request to imgo-sigstore has an end.
func TestVerdictsInParts(t *testing.T) {
	f := newFixture(t)
	var bundles []json.RawMessage
	for i := range 4 {
		bundles = append(bundles, json.RawMessage(fmt.Sprintf(`{"By":"%d","x":"%s"}`, i, strings.Repeat("&", 5<<20))))
	}
	list, err := f.verdicts(t.Context(), wire.VerifyRequest{KeyPEM: "2"}, bundles)
	if err != nil || len(list) != 4 || !list[2].OK || list[1].OK || f.seals.verified != 2 {
		t.Errorf("%d verdicts after %d requests, %v", len(list), f.seals.verified, err)
	}
}
