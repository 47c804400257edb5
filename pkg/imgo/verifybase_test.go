package imgo

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/imgo-build/imgo/internal/attest"
	"github.com/imgo-build/imgo/internal/attest/wire"
	"github.com/imgo-build/imgo/internal/baselock"
	"github.com/imgo-build/imgo/internal/registrytest"
	"github.com/imgo-build/imgo/pkg/build"
	"github.com/imgo-build/imgo/pkg/publish"
)

// signatures say who signed which digest, by repository.
type signatures struct {
	mu    sync.Mutex
	by    map[string]string // REPOSITORY@DIGEST to a key
	err   map[string]error  // by repository
	asked []string
}

func (s *signatures) VerifyDigest(_ context.Context, repo name.Repository, digest v1.Hash, trust attest.Trust) (*attest.SubjectReport, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, repo.RepositoryStr()+"@"+digest.Hex[:4])
	if err := s.err[repo.RepositoryStr()]; err != nil {
		return nil, err
	}
	out := &attest.SubjectReport{Digest: digest.String()}
	switch key := s.by[repo.RepositoryStr()+"@"+digest.String()]; {
	case key == "":
	case key == trust.KeyPEM:
		out.Checks = []attest.Check{{Kind: attest.Signature, OK: true, Identity: wire.Identity{Fingerprint: "sha256:" + strings.Repeat(key[:1], 64)}}}
	case key == trust.Identity:
		out.Checks = []attest.Check{{Kind: attest.Signature, OK: true, Identity: wire.Identity{Fingerprint: "x", SAN: key, Issuer: trust.Issuer}}}
	default:
		out.Ignored = []attest.Ignored{{Reason: "signed by " + key}}
	}
	return out, nil
}

// trustWorld is a directory with keys, a registry and what it has of signatures.
type trustWorld struct {
	*signatures
	dir string
	reg *registrytest.Registry
}

func newTrustWorld(t *testing.T) *trustWorld {
	w := &trustWorld{&signatures{by: map[string]string{}, err: map[string]error{}}, t.TempDir(), registrytest.New(t, registrytest.Options{})}
	for _, key := range []string{"a", "b"} {
		if err := os.WriteFile(filepath.Join(w.dir, key+".pub"), []byte(key), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

// client is a run of its own, which knows nothing of the ones before but by the files.
func (w *trustWorld) client(t *testing.T, recheck bool, mirrors map[string]string) (*Client, *baseVerifier) {
	t.Helper()
	c, err := New(Options{Dir: w.dir, CacheDir: filepath.Join(w.dir, "cache"), Lock: filepath.Join(w.dir, "imgo.lock"), Mirrors: mirrors})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.memory.release()
	return c, &baseVerifier{client: c, attester: w.signatures, recheck: recheck}
}

func (w *trustWorld) key(k string) build.BaseTrust {
	return build.BaseTrust{Key: filepath.Join(w.dir, k+".pub")}
}

func (w *trustWorld) tag(t *testing.T, ref string) name.Tag {
	t.Helper()
	tag, err := name.NewTag(w.reg.Host + "/" + ref)
	if err != nil {
		t.Fatal(err)
	}
	return tag
}

var (
	indexDigest = v1.Hash{Algorithm: "sha256", Hex: strings.Repeat("1", 64)}
	imageDigest = v1.Hash{Algorithm: "sha256", Hex: strings.Repeat("2", 64)}
)

// A signature of the index counts, or of the image; what was found out isn't asked again.
func TestVerifyingWhatIsBuiltOn(t *testing.T) {
	w := newTrustWorld(t)
	b := build.Base{Name: "r.example/b:1", Index: indexDigest, Digest: imageDigest}
	verify := func(recheck bool, trust build.BaseTrust) error {
		_, v := w.client(t, recheck, nil)
		w.asked = nil
		return v.VerifyBase(t.Context(), "r.example/b:1", b, trust)
	}
	e, ok := errors.AsType[*BaseSignatureError](verify(false, w.key("a")))
	if !ok || e.Error() != "base r.example/b:1@"+indexDigest.String()+" is not signed by the key a.pub: there is no signature at all" {
		t.Errorf("unsigned: %v", e)
	}
	w.by["b@"+imageDigest.String()] = "a"
	if err := verify(false, w.key("a")); err != nil || !slices.Equal(w.asked, []string{"b@1111", "b@2222"}) {
		t.Errorf("a signed image: %v, asked %q", err, w.asked)
	}
	if err := verify(false, w.key("a")); err != nil || w.asked != nil {
		t.Errorf("again: %v, asked %q", err, w.asked)
	}
	w.by["b@"+indexDigest.String()] = "a"
	if err := verify(true, w.key("a")); err != nil || !slices.Equal(w.asked, []string{"b@1111"}) {
		t.Errorf("a signed index: %v, asked %q", err, w.asked)
	}
	e, ok = errors.AsType[*BaseSignatureError](verify(false, w.key("b")))
	if !ok || !strings.HasSuffix(e.Error(), "is not signed by the key b.pub: signed by a") || len(w.asked) != 2 {
		t.Errorf("another key: %v, asked %q", e, w.asked)
	}
	// The key's content counts, whatever its file is called.
	if err := os.WriteFile(filepath.Join(w.dir, "a.pub"), []byte("c"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := verify(false, w.key("a")); !isA[*BaseSignatureError](err) {
		t.Errorf("another key in the same file: %v", err)
	}
	if err := verify(false, w.key("gone")); !isA[*BaseVerifyError](err) {
		t.Errorf("no key: %v", err)
	}
	w.err["b"] = &publish.UnreachableError{Host: "r.example", Err: errors.New("down")}
	if err := verify(false, w.key("b")); !isA[*publish.UnreachableError](err) || !strings.HasPrefix(err.Error(), "verifying base r.example/b:1@sha256:1") {
		t.Errorf("a registry that is down: %v", err)
	}
}

func TestVerifyingWhatIsInNoRegistry(t *testing.T) {
	w := newTrustWorld(t)
	c, v := w.client(t, false, nil)
	if err := v.VerifyBase(t.Context(), "scratch", build.Base{}, w.key("a")); err != nil {
		t.Errorf("imgo's own: %v", err)
	}
	for ref, b := range map[string]build.Base{"oci:x": {Digest: imageDigest}, "r.example/b:1": {}} {
		if err := v.VerifyBase(t.Context(), ref, b, w.key("a")); !isA[*UnsignableBaseError](err) {
			t.Errorf("%s: %v", ref, err)
		}
	}
	trust := w.key("a")
	target := func(base string, t *build.BaseTrust) build.Target {
		return build.Target{Settings: build.Settings{Base: base, BaseTrust: t, Origins: map[string]string{"verifyBase": "--verify-base"}}}
	}
	if err := c.checkTrust([]build.Target{target("scratch", &trust), target("oci:x", nil), target("r.example/b", &trust)}); err != nil {
		t.Error(err)
	}
	err := c.checkTrust([]build.Target{target("oci:x", &trust)})
	if want := "--verify-base: base oci:x has no registry, so nobody signs it"; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	if len(w.asked) != 0 {
		t.Errorf("asked %q", w.asked)
	}
}

// A mirror that lacks signatures, or doesn't answer, is passed over; one that refuses isn't.
func TestSignaturesBehindAMirror(t *testing.T) {
	w := newTrustWorld(t)
	b := build.Base{Name: "r.example/b:1", Digest: imageDigest}
	w.by["b@"+imageDigest.String()] = "a"
	for _, c := range []struct {
		mirror error
		ok     bool
	}{
		{nil, true},
		{&publish.NotFoundError{}, true},
		{&publish.RegistryError{Status: 502}, true},
		{&publish.AuthError{Status: 401}, false},
	} {
		w.err["hub/b"] = c.mirror
		w.asked = nil
		_, v := w.client(t, true, map[string]string{"r.example": "m.example/hub"})
		err := v.VerifyBase(t.Context(), "r.example/b:1", b, w.key("a"))
		if (err == nil) != c.ok || c.ok && !slices.Equal(w.asked, []string{"hub/b@2222", "b@2222"}) {
			t.Errorf("%v: %v, asked %q", c.mirror, err, w.asked)
		}
	}
}

// What isn't signed is not pinned, and the lock stays as it is; who signed what is pinned
// is written down.
func TestLockingSignedBases(t *testing.T) {
	w := newTrustWorld(t)
	one, two := w.tag(t, "one:1"), w.tag(t, "two:1")
	pusher, _ := w.client(t, false, nil)
	push := func(tag name.Tag, day int, by string) {
		t.Helper()
		pushBase(t, pusher, tag, day)
		c, _ := w.client(t, false, nil) // which has not resolved the tag yet
		info, err := c.bases.Describe(t.Context(), tag.String())
		if err != nil {
			t.Fatal(err)
		}
		w.by[tag.RepositoryStr()+"@"+info.Digest.String()] = by
	}
	lock := func(update bool, uses ...build.BaseUse) ([]Pin, error) {
		t.Helper()
		c, v := w.client(t, false, nil)
		w.asked = nil
		return c.lockBases(t.Context(), v, uses, update)
	}
	file := func() string {
		raw, _ := os.ReadFile(filepath.Join(w.dir, "imgo.lock"))
		return string(raw)
	}
	use := func(tag name.Tag, trust ...build.BaseTrust) build.BaseUse {
		return build.BaseUse{Ref: tag.String(), Trust: trust}
	}
	signer := func(k string) baselock.Signer {
		return baselock.Signer{Key: "sha256:" + strings.Repeat(k, 64)}
	}

	push(one, 1, "a")
	push(two, 2, "")
	if _, err := lock(false, use(one, w.key("a")), use(two, w.key("a"))); !isA[*BaseSignatureError](err) || file() != "" {
		t.Errorf("one of two is signed: %v, wrote %q", err, file())
	}
	pins, err := lock(false, use(one, w.key("a")), use(two))
	if err != nil || len(pins) != 2 || pins[0].Verified != signer("a") || pins[1].Verified != (baselock.Signer{}) {
		t.Fatalf("%+v, %v", pins, err)
	}
	if !strings.Contains(file(), signer("a").Key) || len(w.asked) != 0 {
		t.Errorf("wrote %s, asked %q again", file(), w.asked)
	}

	// Moved to what nobody signed: the old pin stays.
	before := file()
	push(one, 3, "")
	if _, err := lock(true, use(one, w.key("a")), use(two)); !isA[*BaseSignatureError](err) || file() != before {
		t.Errorf("an unsigned move: %v, wrote %s", err, file())
	}
	// A pin is held to who has to have signed it now.
	if _, err := lock(false, use(one, w.key("b"))); !isA[*BaseSignatureError](err) || file() != before {
		t.Errorf("another key for a pin: %v", err)
	}
	// Signed by somebody else, whom the configuration names: told, and written down.
	push(one, 4, "b")
	pins, err = lock(true, use(one, w.key("b")))
	if err != nil || !pins[0].Changed || pins[0].Verified != signer("b") || pins[0].OldVerified != signer("a") {
		t.Errorf("another signer: %+v, %v", pins, err)
	}
	// Nobody has to have signed it any more: the record stays as long as the pin does.
	pins, err = lock(true, use(one))
	if err != nil || pins[0].Changed || pins[0].Verified != signer("b") {
		t.Errorf("the same pin: %+v, %v", pins, err)
	}
	push(one, 5, "")
	pins, err = lock(true, use(one))
	if err != nil || !pins[0].Changed || pins[0].Verified != (baselock.Signer{}) || pins[0].OldVerified != signer("b") || strings.Contains(file(), "verified") {
		t.Errorf("a new pin: %+v, %v", pins, err)
	}
}

func TestVerifyBases(t *testing.T) {
	w := newTrustWorld(t)
	one := w.tag(t, "one:1")
	c, v := w.client(t, true, nil)
	pushBase(t, c, one, 1)
	info, err := c.bases.Describe(t.Context(), one.String())
	if err != nil {
		t.Fatal(err)
	}
	w.by["one@"+info.Digest.String()] = "me@example.com"
	me := build.BaseTrust{Identity: "me@example.com", Issuer: "https://i.example"}
	layout := filepath.Join(w.dir, "layout")
	found, err := c.verifyBases(t.Context(), v, []build.BaseUse{
		{Ref: "scratch", Trust: []build.BaseTrust{me}}, {Ref: one.String(), Trust: []build.BaseTrust{me}},
		{Ref: one.String() + "@" + info.Digest.String()}, {Ref: "oci:" + layout, Trust: []build.BaseTrust{me}},
	})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, b := range found {
		line := strings.ReplaceAll(b.Name, w.reg.Host, "R") + " " + map[bool]string{true: "verified", false: "not"}[b.Verified]
		for _, s := range b.By {
			line += " by " + s.String()
		}
		got = append(got, line)
	}
	want := []string{"R/one:1 verified by me@example.com (https://i.example)", "R/one:1@" + info.Digest.String() + " not", "oci:" + layout + " not"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if !isA[*NoBaseTrustError](found[1].Err) || !isA[*UnsignableBaseError](found[2].Err) {
		t.Errorf("%v, %v", found[1].Err, found[2].Err)
	}
}

// Whom a build on a base would trust, commands about bases do.
func TestUsesOf(t *testing.T) {
	w := newTrustWorld(t)
	c, _ := w.client(t, false, nil)
	a, b := w.key("a"), w.key("b")
	got, err := c.UsesOf([]string{"gcr.io/distroless/static-debian13:nonroot", "alpine"}, []build.BaseUse{{Ref: "distroless", Trust: []build.BaseTrust{a}}}, &b)
	want := []build.BaseUse{{Ref: "gcr.io/distroless/static-debian13:nonroot", Trust: []build.BaseTrust{a}}, {Ref: "alpine", Trust: []build.BaseTrust{b}}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	if got, err := c.UsesOf([]string{"alpine"}, nil, nil); err != nil || len(got) != 1 || got[0].Trust != nil {
		t.Errorf("%+v, %v", got, err)
	}
}
