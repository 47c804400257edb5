package publish

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// copyBlob copies a blob's bytes and checks that they are those that its digest and
// size promise. at is told how many are done.
func copyBlob(ctx context.Context, w io.Writer, b blob, at func(int64)) error {
	rc, err := b.open()
	if err != nil {
		return fmt.Errorf("reading %s %s: %w", b.what, b.digest, err)
	}
	defer rc.Close()
	in := &verifier{r: rc, hash: sha256.New(), what: b.what, want: b.digest, size: b.size}
	buf := make([]byte, 256<<10)
	for done := int64(0); ; {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := in.Read(buf)
		if n > 0 {
			if _, werr := w.Write(buf[:n]); werr != nil {
				return werr
			}
			done += int64(n)
			at(done)
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading %s %s: %w", b.what, b.digest, err)
		}
	}
}

// verifier passes bytes on and answers with a [*DigestError] instead of io.EOF, or
// as soon as there are too many, if they are not those that were promised.
type verifier struct {
	r    io.Reader
	hash hash.Hash
	what string
	want v1.Hash
	size int64
	n    int64
}

func (v *verifier) Read(p []byte) (int, error) {
	n, err := v.r.Read(p)
	v.n += int64(n)
	if v.n > v.size {
		return 0, &DigestError{What: v.what, Want: v.want, Size: v.n}
	}
	v.hash.Write(p[:n])
	if err != io.EOF {
		return n, err
	}
	if v.n != v.size {
		return n, &DigestError{What: v.what, Want: v.want, Size: v.n}
	}
	got := v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(v.hash.Sum(nil))}
	if got != v.want {
		return n, &DigestError{What: v.what, Want: v.want, Got: got}
	}
	return n, io.EOF
}
