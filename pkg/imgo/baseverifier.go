package imgo

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"slices"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/imgo-build/imgo/internal/attest"
	"github.com/imgo-build/imgo/internal/attest/wire"
	"github.com/imgo-build/imgo/internal/base"
	"github.com/imgo-build/imgo/internal/baselock"
	"github.com/imgo-build/imgo/internal/flight"
	"github.com/imgo-build/imgo/pkg/build"
	"github.com/imgo-build/imgo/pkg/event"
)

// digestVerifier is what is needed of [attest.Attester].
type digestVerifier interface {
	VerifyDigest(ctx context.Context, repo name.Repository, digest v1.Hash, trust attest.Trust) (*attest.SubjectReport, error)
}

// baseVerifier implements [build.BaseVerifier]. Who signed a digest is remembered for the
// runs to come: it can't change, whatever becomes of the signature.
type baseVerifier struct {
	client   *Client
	attester digestVerifier
	recheck  bool // nothing of what is remembered is believed
	verdicts flight.Group[string, verdict]
}

// verdict is what is said of a digest.
type verdict struct {
	signer baselock.Signer // zero where nobody counts
	others []string        // why signatures don't count
}

func (c *Client) baseVerifier(recheck bool) *baseVerifier {
	return &baseVerifier{client: c, attester: c.attester(), recheck: recheck || c.opts.NoFastPath}
}

// VerifyBase implements [build.BaseVerifier].
func (v *baseVerifier) VerifyBase(ctx context.Context, ref string, b build.Base, t build.BaseTrust) error {
	if ref == base.Scratch {
		return nil
	}
	var digests []v1.Hash
	for _, d := range []v1.Hash{b.Index, b.Digest} {
		if d != (v1.Hash{}) {
			digests = append(digests, d)
		}
	}
	_, err := v.signer(ctx, ref, b.Name, digests, t)
	return err
}

// signer says who signed one of several digests that each stand for a base. It is somebody
// who is trusted, or there is an error: a [*BaseSignatureError] where the registry was
// asked and has no such signature.
func (v *baseVerifier) signer(ctx context.Context, ref, name string, digests []v1.Hash, t build.BaseTrust) (signer baselock.Signer, err error) {
	repos, err := v.client.bases.Repositories(ref)
	if err != nil {
		return signer, err
	}
	if len(repos) == 0 || len(digests) == 0 {
		return signer, &UnsignableBaseError{Base: ref}
	}
	trust, err := readTrust(t)
	if err != nil {
		return signer, &BaseVerifyError{Name: atDigest(name, digests[0]), Err: err}
	}
	for _, d := range digests {
		if signer, ok := v.recall(d, trust); ok {
			return signer, nil
		}
	}
	done := event.Track(v.client.opts.Events, event.Base, "signature of "+ref)
	defer func() { done("by "+signer.String(), err) }()
	failed := &BaseSignatureError{Name: name, Digest: digests[0], Want: t}
	for _, d := range digests {
		found, _, err := v.verdicts.Do(ctx, v.key(d, trust), func() (verdict, error) { return v.ask(ctx, repos, d, trust) })
		if err != nil {
			return signer, &BaseVerifyError{Name: atDigest(name, d), Err: err}
		}
		if found.signer != (baselock.Signer{}) {
			v.remember(d, trust, found.signer)
			return found.signer, nil
		}
		for _, o := range found.others {
			if !slices.Contains(failed.Others, o) {
				failed.Others = append(failed.Others, o)
			}
		}
	}
	return signer, failed
}

// ask looks for signatures where the base is: in the mirror first, which may lack them.
func (v *baseVerifier) ask(ctx context.Context, repos []name.Repository, digest v1.Hash, trust attest.Trust) (verdict, error) {
	var out verdict
	for i, repo := range repos {
		report, err := v.attester.VerifyDigest(ctx, repo, digest, trust)
		if err != nil && i < len(repos)-1 && base.AskNext(err) {
			continue
		}
		if err != nil {
			return verdict{}, err
		}
		if id, ok := report.Signer(); ok {
			return verdict{signer: signerOf(id)}, nil
		}
		for _, i := range report.Ignored {
			out.others = append(out.others, i.Reason)
		}
	}
	return out, nil
}

func signerOf(id wire.Identity) baselock.Signer {
	if id.SAN != "" {
		return baselock.Signer{Identity: id.SAN, Issuer: id.Issuer}
	}
	return baselock.Signer{Key: id.Fingerprint}
}

// readTrust reads the files that say whose signatures count.
func readTrust(t build.BaseTrust) (attest.Trust, error) {
	out := attest.Trust{
		Identity: t.Identity, IdentityRegexp: t.IdentityRegexp, Issuer: t.Issuer, IssuerRegexp: t.IssuerRegexp,
		IgnoreLog: t.NoLog,
	}
	for _, file := range []struct {
		what, path string
		into       *string
	}{{"key", t.Key, &out.KeyPEM}, {"trusted root", t.TrustedRoot, &out.TrustedRoot}} {
		if file.path == "" {
			continue
		}
		raw, err := os.ReadFile(file.path)
		if err != nil {
			return out, fmt.Errorf("reading the %s: %w", file.what, err)
		}
		*file.into = string(raw)
	}
	return out, nil
}

// key names a question: who of those that are trusted signed a digest. The repository isn't
// in it, since a signature is of a digest.
func (v *baseVerifier) key(digest v1.Hash, trust attest.Trust) string {
	sum := sha256.New()
	_ = json.NewEncoder(sum).Encode([]any{"1", v.client.opts.Version, digest, trust})
	return "base signed " + hex.EncodeToString(sum.Sum(nil))
}

func (v *baseVerifier) recall(digest v1.Hash, trust attest.Trust) (signer baselock.Signer, ok bool) {
	if v.recheck {
		return signer, false
	}
	raw, ok := v.client.memory.Lookup(v.key(digest, trust))
	ok = ok && json.Unmarshal(raw, &signer) == nil && signer != (baselock.Signer{})
	return signer, ok
}

func (v *baseVerifier) remember(digest v1.Hash, trust attest.Trust, signer baselock.Signer) {
	if raw, err := json.Marshal(signer); err == nil {
		_ = v.client.memory.Remember(v.key(digest, trust), raw) // it only saves work
	}
}

// signers says who signed what a base is pinned to, one for each of those who have to
// have. Where the index isn't signed, all of its images have to be.
func (v *baseVerifier) signers(ctx context.Context, use build.BaseUse, name string, digest v1.Hash) ([]baselock.Signer, error) {
	var out []baselock.Signer
	for _, t := range use.Trust {
		signer, err := v.signer(ctx, use.Ref, name, []v1.Hash{digest}, t)
		if isA[*BaseSignatureError](err) {
			signer, err = v.imagesSigner(ctx, use.Ref, name, digest, t, err)
		}
		if err != nil {
			return nil, err
		}
		out = append(out, signer)
	}
	return out, nil
}

// imagesSigner says who signed the images of an index; unsigned is what is said where
// nobody did.
func (v *baseVerifier) imagesSigner(ctx context.Context, ref, name string, digest v1.Hash, t build.BaseTrust, unsigned error) (baselock.Signer, error) {
	images, err := v.client.bases.Images(ctx, ref, digest)
	if err != nil {
		return baselock.Signer{}, err
	}
	var first baselock.Signer
	for i, image := range images {
		if image == digest {
			return baselock.Signer{}, unsigned
		}
		signer, err := v.signer(ctx, ref, name, []v1.Hash{image}, t)
		switch {
		case err != nil && i == 0 && isA[*BaseSignatureError](err):
			return baselock.Signer{}, unsigned
		case err != nil:
			return baselock.Signer{}, err
		case i == 0:
			first = signer
		}
	}
	if len(images) == 0 {
		return first, unsigned
	}
	return first, nil
}
