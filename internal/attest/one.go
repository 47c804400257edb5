package attest

import (
	"context"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/imgo-build/imgo/internal/attest/wire"
)

// VerifyDigest judges whether a digest is signed by whom is trusted. Nothing else is asked
// of it: not what it is, nor whether what is in it is signed too. Who has signed an index
// has signed its images, which it names by their digests.
func (a *Attester) VerifyDigest(ctx context.Context, repo name.Repository, digest v1.Hash, trust Trust) (*SubjectReport, error) {
	trust.Require = []Kind{Signature}
	s := &SubjectReport{Digest: digest.String()}
	if err := a.verifySubject(ctx, repo, s, false, trust); err != nil {
		return nil, err
	}
	return s, nil
}

// Signer is who signed, where a signature was found that counts.
func (s *SubjectReport) Signer() (id wire.Identity, ok bool) {
	for _, c := range s.Checks {
		if c.Kind == Signature && c.OK {
			return c.Identity, true
		}
	}
	return id, false
}
