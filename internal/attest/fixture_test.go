package attest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/imgo-build/imgo/internal/attest/wire"
	"github.com/imgo-build/imgo/pkg/build"
	"github.com/imgo-build/imgo/pkg/event"
	"github.com/imgo-build/imgo/pkg/layer"
	"github.com/imgo-build/imgo/pkg/publish"
)

// memory is a registry of one repository.
type memory struct {
	mu        sync.Mutex
	manifests map[string][]byte
	tags      map[string]v1.Descriptor
	attached  map[v1.Hash][]publish.Attachment
	problems  map[v1.Hash]error // of a referrer that can't be used
	old       map[string][]publish.OldLayer
	oldBroken map[string]error
	blobs     map[v1.Hash][]byte
	refused   error // of whatever is attached
	puts      int
	order     []v1.Hash       // of the subjects that something was attached to
	asked     []string        // which tags of the older scheme were read, and blobs
	broken    error           // of artifacts without content
	lie       types.MediaType // what it calls every manifest
}

func (m *memory) Attach(_ context.Context, _ name.Repository, subject v1.Descriptor, list []publish.Attachment) ([]v1.Hash, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.refused != nil {
		return nil, m.refused
	}
	m.puts += len(list)
	m.order = append(m.order, subject.Digest)
	m.attached[subject.Digest] = append(m.attached[subject.Digest], list...)
	return make([]v1.Hash, len(list)), nil
}

func (m *memory) Attached(_ context.Context, _ name.Repository, subject v1.Hash, _ ...string) ([]publish.Referrer, error) {
	var out []publish.Referrer
	if err := m.problems[subject]; err != nil {
		out = append(out, publish.Referrer{Subject: subject, Problem: err})
	}
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
	m.mu.Lock()
	defer m.mu.Unlock()
	m.puts += len(add)
	m.old[subject.String()+suffix] = append(m.old[subject.String()+suffix], add...)
	return nil
}

func (m *memory) AttachedOld(_ context.Context, _ name.Repository, subject v1.Hash, suffix string) ([]publish.OldLayer, error) {
	m.asked = append(m.asked, suffix)
	return m.old[subject.String()+suffix], m.oldBroken[subject.String()+suffix]
}

func (m *memory) Resolve(_ context.Context, ref name.Reference) (v1.Descriptor, error) {
	return m.tags[ref.Identifier()], nil
}

func (m *memory) Manifest(_ context.Context, _ name.Repository, digest v1.Hash) ([]byte, v1.Descriptor, error) {
	raw := m.manifests[digest.String()]
	return raw, v1.Descriptor{Digest: digest, Size: int64(len(raw)), MediaType: m.lie}, nil
}

func (m *memory) BlobSize(_ context.Context, _ name.Repository, digest v1.Hash) (int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asked = append(m.asked, "size "+digest.Hex)
	b, ok := m.blobs[digest]
	if !ok {
		return 0, &publish.NotFoundError{}
	}
	return int64(len(b)), nil
}

func (m *memory) ReadBlob(_ context.Context, _ name.Repository, digest v1.Hash, read func(io.Reader) error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asked = append(m.asked, "blob "+digest.Hex)
	b, ok := m.blobs[digest]
	if !ok {
		return &publish.NotFoundError{}
	}
	return read(bytes.NewReader(b))
}

// seals is a sigstore whose signatures name their signer.
type seals struct {
	asked, opened int // signatures and keys
	verified      int // requests
}

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
	s.verified++
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
	s.opened++
	return &wire.Identity{PublicKeyPEM: r.Key, Fingerprint: r.Key}, nil
}

// fixture is an index with two images, and a signer.
type fixture struct {
	*Attester
	reg      *memory
	seals    *seals
	repo     name.Repository
	ref      name.Tag
	sign     *build.Signing
	top      v1.Descriptor
	one, two v1.Descriptor // the images of the index
	warnings []string
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	key := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(key, []byte("me"), 0o600); err != nil {
		t.Fatal(err)
	}
	reg := &memory{
		manifests: map[string][]byte{}, tags: map[string]v1.Descriptor{}, attached: map[v1.Hash][]publish.Attachment{},
		old: map[string][]publish.OldLayer{}, blobs: map[v1.Hash][]byte{digestOf(theConfig): []byte(theConfig), digestOf(theLayer): []byte(theLayer)},
		problems: map[v1.Hash]error{}, oldBroken: map[string]error{},
	}
	f := &fixture{reg: reg, seals: &seals{}, sign: &build.Signing{Key: key, NoLog: true}}
	f.ref = name.MustParseReference("r.example/app:v1").(name.Tag)
	f.repo = f.ref.Context()
	f.one, f.two = f.put(manifestOf("1"), types.OCIManifestSchema1), f.put(manifestOf("2"), types.OCIManifestSchema1)
	index := v1.IndexManifest{SchemaVersion: 2, Manifests: []v1.Descriptor{f.one, f.two}}
	index.Manifests[0].Platform = &v1.Platform{OS: "linux", Architecture: "amd64"}
	index.Manifests[1].Platform = &v1.Platform{OS: "linux", Architecture: "arm64"}
	raw, err := json.Marshal(index)
	if err != nil {
		t.Fatal(err)
	}
	f.top = f.put(string(raw), types.OCIImageIndex)
	reg.tags["v1"] = f.top
	f.start(nil)
	return f
}

// start is a new process, with what earlier ones remember.
func (f *fixture) start(results layer.Results) {
	f.Attester = New(Options{
		Registry: f.reg, Sigstore: f.seals, Results: results,
		Password: func(context.Context, string) (string, error) { return "", nil },
		Events: event.Func(func(e event.Event) {
			if e.Kind == event.Warning {
				f.warnings = append(f.warnings, e.Text)
			}
		}),
	})
}

// All images of a fixture have the same config and layer.
const theLayer = "some layer, not compressed"

var theConfig = `{"rootfs":{"diff_ids":["` + digestOf(theLayer).String() + `"]}}`

func digestOf(text string) v1.Hash {
	sum := sha256.Sum256([]byte(text))
	return v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(sum[:])}
}

func manifestOf(name string, layers ...v1.Descriptor) string {
	m := v1.Manifest{
		Config:      v1.Descriptor{MediaType: types.OCIConfigJSON, Digest: digestOf(theConfig), Size: int64(len(theConfig))},
		Layers:      append([]v1.Descriptor{{MediaType: types.OCILayer, Digest: digestOf(theLayer), Size: int64(len(theLayer))}}, layers...),
		Annotations: map[string]string{"name": name},
	}
	raw, err := json.Marshal(m)
	if err != nil {
		panic(err)
	}
	return string(raw)
}

func (f *fixture) put(manifest string, mediaType types.MediaType) v1.Descriptor {
	d := v1.Descriptor{MediaType: mediaType, Size: int64(len(manifest)), Digest: digestOf(manifest)}
	f.reg.manifests[d.Digest.String()] = []byte(manifest)
	return d
}

// image makes the tag point to an image of its own.
func (f *fixture) image(manifest string) v1.Descriptor {
	f.reg.tags["v1"] = f.put(manifest, types.OCIManifestSchema1)
	return f.reg.tags["v1"]
}

func (f *fixture) verify(t *testing.T, by string, require ...Kind) *Report {
	t.Helper()
	return f.judge(t, Trust{KeyPEM: by, Require: require})
}

func (f *fixture) judge(t *testing.T, trust Trust) *Report {
	t.Helper()
	report, err := f.Verify(t.Context(), f.ref, trust)
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

// say attaches a statement, signed by "me" as a bundle.
func (f *fixture) say(t *testing.T, digest v1.Hash, predicateType, predicate string) {
	t.Helper()
	f.reg.attached[digest] = append(f.reg.attached[digest], publish.Attachment{
		ArtifactType: wire.BundleMediaType, Content: sealOf(t, digest, predicateType, predicate), Annotations: wire.ReferrerAnnotations(predicateType),
	})
}

// sealOf is a statement that "me" has signed.
func sealOf(t *testing.T, digest v1.Hash, predicateType, predicate string) []byte {
	t.Helper()
	raw, err := wire.Statement("", digest.String(), predicateType, json.RawMessage(predicate))
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

// What a predicate needs to count.
const (
	anSPDX       = `{"spdxVersion":"SPDX-2.3"}`
	aCycloneDX   = `{"bomFormat":"CycloneDX","specVersion":"1.6"}`
	aProvenance  = `{"buildDefinition":{"buildType":"t"},"runDetails":{"builder":{"id":"b"}}}`
	provenance02 = `{"buildType":"t","builder":{"id":"b"}}`
)

// reasons are those of all that failed.
func reasons(r *Report) string {
	var out []string
	for _, s := range r.Subjects {
		for _, c := range s.Checks {
			if !c.OK {
				out = append(out, c.Reason)
			}
		}
	}
	return strings.Join(out, "\n")
}

// remembered is a layer.Results.
type remembered map[string][]byte

func (r remembered) Lookup(key string) ([]byte, bool) { v, ok := r[key]; return v, ok }
func (r remembered) Remember(key string, value []byte) error {
	r[key] = value
	return nil
}
