package attest

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/imgo-build/imgo/internal/attest/wire"
	"github.com/imgo-build/imgo/pkg/build"
	"github.com/imgo-build/imgo/pkg/publish"
)

// memory is a registry of one repository.
type memory struct {
	manifests map[string][]byte
	tags      map[string]v1.Descriptor
	attached  map[v1.Hash][]publish.Attachment
	old       map[string][]publish.OldLayer
	puts      int
	broken    error           // of artifacts without content
	lie       types.MediaType // what it calls every manifest
}

func (m *memory) Attach(_ context.Context, _ name.Repository, subject v1.Descriptor, list []publish.Attachment) ([]v1.Hash, error) {
	m.puts += len(list)
	m.attached[subject.Digest] = append(m.attached[subject.Digest], list...)
	return make([]v1.Hash, len(list)), nil
}

func (m *memory) Attached(_ context.Context, _ name.Repository, subject v1.Hash, _ ...string) ([]publish.Referrer, error) {
	var out []publish.Referrer
	for i, a := range m.attached[subject] {
		out = append(out, publish.Referrer{
			Subject: subject, ArtifactType: a.ArtifactType, Annotations: a.Annotations,
			Descriptor: v1.Descriptor{Size: int64(i)},
		})
	}
	return out, nil
}

func (m *memory) FetchAttachment(_ context.Context, _ name.Repository, ref publish.Referrer) (publish.Attachment, error) {
	a := m.attached[ref.Subject][ref.Descriptor.Size]
	if a.Content == nil {
		return a, m.broken
	}
	return a, nil
}

func (m *memory) AttachOld(_ context.Context, _ name.Repository, subject v1.Hash, suffix string, add []publish.OldLayer) error {
	m.puts += len(add)
	m.old[subject.String()+suffix] = append(m.old[subject.String()+suffix], add...)
	return nil
}

func (m *memory) AttachedOld(_ context.Context, _ name.Repository, subject v1.Hash, suffix string) ([]publish.OldLayer, error) {
	return m.old[subject.String()+suffix], nil
}

func (m *memory) Resolve(_ context.Context, ref name.Reference) (v1.Descriptor, error) {
	return m.tags[ref.Identifier()], nil
}

func (m *memory) Manifest(_ context.Context, _ name.Repository, digest v1.Hash) ([]byte, v1.Descriptor, error) {
	raw := m.manifests[digest.String()]
	return raw, v1.Descriptor{Digest: digest, Size: int64(len(raw)), MediaType: m.lie}, nil
}

// seals is a sigstore whose signatures name their signer.
type seals struct{ asked int }

type sealed struct {
	By       string
	Envelope struct {
		Payload []byte `json:"payload"`
	} `json:"dsseEnvelope"`
}

func (s *seals) Find() (string, error) { return "seals", nil }

func (s *seals) Sign(_ context.Context, r *wire.SignRequest) (*wire.SignResponse, error) {
	s.asked++
	out := &wire.SignResponse{}
	seal := func(payload []byte) []byte {
		b := sealed{By: r.Key}
		b.Envelope.Payload = payload
		raw, _ := json.Marshal(b)
		return raw
	}
	for _, st := range r.Statements {
		out.Bundles = append(out.Bundles, seal(st))
		if r.Envelopes {
			out.Envelopes = append(out.Envelopes, wire.SimpleSignature{Payload: seal(st)})
		}
	}
	for _, p := range r.Simple {
		out.Simple = append(out.Simple, wire.SimpleSignature{Payload: p, Signature: r.Key})
	}
	return out, nil
}

func (s *seals) Verify(_ context.Context, r *wire.VerifyRequest) (*wire.VerifyResponse, error) {
	judge := func(by string, payload []byte, payloadType string) wire.Verdict {
		if by != r.KeyPEM {
			return wire.Verdict{Error: &wire.Error{Code: wire.CodeOtherKey, Message: "signed by another key"}}
		}
		return wire.Verdict{OK: true, Payload: payload, PayloadType: payloadType, Identity: wire.Identity{Fingerprint: by}, LogIndex: -1}
	}
	open := func(raw []byte) wire.Verdict {
		var b sealed
		if json.Unmarshal(raw, &b) != nil {
			return wire.Verdict{Error: &wire.Error{Code: wire.CodeBadBundle, Message: "not a bundle"}}
		}
		return judge(b.By, b.Envelope.Payload, wire.InTotoPayloadType)
	}
	out := &wire.VerifyResponse{}
	for _, b := range r.Bundles {
		out.Bundles = append(out.Bundles, open(b))
	}
	for _, sig := range r.Simple {
		out.Simple = append(out.Simple, judge(sig.Signature, sig.Payload, wire.SimpleMediaType))
	}
	for _, e := range r.Envelopes {
		out.Envelopes = append(out.Envelopes, open(e.Payload))
	}
	return out, nil
}

func (s *seals) PublicKey(_ context.Context, r *wire.PublicKeyRequest) (*wire.Identity, error) {
	return &wire.Identity{PublicKeyPEM: r.Key, Fingerprint: r.Key}, nil
}

// fixture is an index with two images, and a signer.
type fixture struct {
	*Attester
	reg   *memory
	seals *seals
	repo  name.Repository
	ref   name.Tag
	sign  *build.Signing
	top   v1.Descriptor
	one   v1.Descriptor // an image of the index
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	key := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(key, []byte("me"), 0o600); err != nil {
		t.Fatal(err)
	}
	reg := &memory{manifests: map[string][]byte{}, tags: map[string]v1.Descriptor{}, attached: map[v1.Hash][]publish.Attachment{}, old: map[string][]publish.OldLayer{}}
	f := &fixture{reg: reg, seals: &seals{}, sign: &build.Signing{Key: key, NoLog: true}}
	f.ref = name.MustParseReference("r.example/app:v1").(name.Tag)
	f.repo = f.ref.Context()
	f.one = f.put(manifestOf("1"), types.OCIManifestSchema1)
	index := v1.IndexManifest{SchemaVersion: 2, Manifests: []v1.Descriptor{f.one, f.put(manifestOf("2"), types.OCIManifestSchema1)}}
	index.Manifests[0].Platform = &v1.Platform{OS: "linux", Architecture: "amd64"}
	index.Manifests[1].Platform = &v1.Platform{OS: "linux", Architecture: "arm64"}
	raw, err := json.Marshal(index)
	if err != nil {
		t.Fatal(err)
	}
	f.top = f.put(string(raw), types.OCIImageIndex)
	reg.tags["v1"] = f.top
	f.Attester = New(Options{
		Registry: reg, Sigstore: f.seals,
		Password: func(context.Context, string) (string, error) { return "", nil },
	})
	return f
}

func manifestOf(name string) string {
	return `{"config":{},"layers":[],"annotations":{"name":"` + name + `"}}`
}

func (f *fixture) put(manifest string, mediaType types.MediaType) v1.Descriptor {
	sum := sha256.Sum256([]byte(manifest))
	d := v1.Descriptor{MediaType: mediaType, Size: int64(len(manifest)), Digest: v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(sum[:])}}
	f.reg.manifests[d.Digest.String()] = []byte(manifest)
	return d
}

func (f *fixture) verify(t *testing.T, by string, require ...Kind) *Report {
	t.Helper()
	report, err := f.Verify(t.Context(), f.ref, Trust{KeyPEM: by, Require: require})
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func (f *fixture) signAll(t *testing.T) {
	t.Helper()
	if _, err := f.SignReference(t.Context(), f.ref, f.sign); err != nil {
		t.Fatal(err)
	}
}

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

// What somebody else attaches, or moves, doesn't count.
func TestTampering(t *testing.T) {
	statement := func(digest v1.Hash, predicate string) []byte {
		raw, err := wire.Statement("", digest.String(), predicate, json.RawMessage(`{}`))
		if err != nil {
			t.Fatal(err)
		}
		b := sealed{By: "me"}
		b.Envelope.Payload = raw
		out, err := json.Marshal(b)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	bundle := func(content []byte) publish.Attachment {
		return publish.Attachment{ArtifactType: wire.BundleMediaType, Content: content, Annotations: wire.ReferrerAnnotations(wire.PredicateSign)}
	}
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
			f.reg.attached[f.top.Digest] = []publish.Attachment{bundle(statement(f.top.Digest, wire.PredicateSPDX))}
		}, "there is no signature of "},
		"not a statement": {func(f *fixture) {
			b := sealed{By: "me"}
			b.Envelope.Payload = []byte(`{"_type":"x"}`)
			raw, _ := json.Marshal(b)
			f.reg.attached[f.top.Digest] = []publish.Attachment{bundle(raw)}
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
			var reasons []string
			for _, s := range r.Subjects {
				for _, c := range s.Checks {
					reasons = append(reasons, c.Reason)
				}
			}
			if r.Verified || !strings.Contains(strings.Join(reasons, "\n"), tt.reason) {
				t.Errorf("verified %v, because: %q", r.Verified, reasons)
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
	f.reg.broken = &publish.NotFoundError{Reference: "gone"}
	f.reg.attached[f.top.Digest] = append([]publish.Attachment{
		{ArtifactType: wire.BundleMediaType}, {ArtifactType: wire.BundleMediaType, Content: []byte("{} {}")},
	}, f.reg.attached[f.top.Digest]...)
	r := f.verify(t, "me", Signature)
	if !r.Verified || len(r.Subjects[0].Ignored) != 2 {
		t.Errorf("report %+v", r)
	}
	f.signAll(t)
	if f.reg.puts != 3 {
		t.Errorf("signing again put %d", f.reg.puts-3)
	}
	f.reg.broken = context.DeadlineExceeded
	if _, err := f.Verify(t.Context(), f.ref, Trust{KeyPEM: "me"}); err == nil {
		t.Error("what could not be read is passed over")
	}
}

func TestIdentityOf(t *testing.T) {
	token := func(claims string) string {
		return "e30." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".c2ln"
	}
	for in, want := range map[string][2]string{
		token(`{"iss":"https://i","email":"me@example.com"}`):               {"me@example.com", "https://i"},
		token(`{"iss":"https://g","job_workflow_ref":"o/r/.github/w@ref"}`): {"https://github.com/o/r/.github/w@ref", "https://g"},
		token(`{"iss":"https://i","sub":"x"}`):                              {},
		token(`nonsense`):                                                   {}, "a.b": {}, "a.!.c": {}, "": {},
	} {
		san, issuer := identityOf(in)
		if diff := cmp.Diff(want, [2]string{san, issuer}); diff != "" {
			t.Errorf("%s (-want +got):\n%s", in, diff)
		}
	}
}

func TestAmbientToken(t *testing.T) {
	status, body := http.StatusOK, `{"value":"tok"}`
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("audience") != "sigstore" || r.URL.Query().Get("x") != "1" || r.Header.Get("Authorization") != "Bearer secret" {
			status = http.StatusBadRequest
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	defer server.Close()
	env := map[string]string{"ACTIONS_ID_TOKEN_REQUEST_URL": server.URL + "?x=1", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "secret"}
	ask := func() (string, error) {
		return AmbientToken(t.Context(), func(k string) string { return env[k] }, http.DefaultTransport)
	}
	if token, err := ask(); token != "tok" || err != nil {
		t.Errorf("token %q, %v", token, err)
	}
	body = `{}`
	if token, err := ask(); err == nil {
		t.Errorf("token %q of an answer without one", token)
	}
	status = http.StatusForbidden
	if _, err := ask(); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("error %v", err)
	}
	env["SIGSTORE_ID_TOKEN"] = "mine"
	if token, err := ask(); token != "mine" || err != nil {
		t.Errorf("token %q, %v", token, err)
	}
	clear(env)
	if token, err := ask(); token != "" || err != nil {
		t.Errorf("token %q, %v of nobody", token, err)
	}
}

func TestPrepare(t *testing.T) {
	f := newFixture(t)
	target := &build.Target{}
	if err := f.Prepare(target); err != nil {
		t.Error(err)
	}
	target.Settings.Attest.Sign = f.sign
	if err := f.Prepare(target); err != nil {
		t.Error(err)
	}
	target.Settings.Attest.Sign = &build.Signing{Key: f.sign.Key + "s"}
	if err := f.Prepare(target); err == nil {
		t.Error("a key that isn't there is accepted")
	}
}
