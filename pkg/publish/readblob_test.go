package publish_test

import (
	"errors"
	"io"
	"testing"

	"github.com/imgo-build/imgo/internal/registrytest"
	"github.com/imgo-build/imgo/pkg/publish"
)

func TestReadBlob(t *testing.T) {
	reg, repo, _, _ := pushed(t, registrytest.Options{})
	digest := layerDigest(t, layerOf("x"))
	r := publish.NewRegistry(new(recorded).options(reg, nil))
	if n, err := r.BlobSize(t.Context(), repo, digest); n != 1 || err != nil {
		t.Errorf("size %d, %v", n, err)
	}
	content := make([]byte, 100_000)
	reg.ReplaceBlob("app", digest, content)
	tries := 0
	read := func() (n int64, err error) {
		tries = 0
		err = r.ReadBlob(t.Context(), repo, digest, func(b io.Reader) (err error) {
			tries++
			n, err = io.Copy(io.Discard, b)
			return err
		})
		return n, err
	}
	reg.SetFaults(on("GET blob", registrytest.Fault{Drop: true, After: 50_000}, 1, 2))
	if n, err := read(); n != int64(len(content)) || err != nil || tries != 3 {
		t.Errorf("cut off twice: read %d, %v, in %d attempts", n, err, tries)
	}
	reg.SetFaults(on("GET blob", registrytest.Fault{Drop: true, After: 50_000}))
	if _, err := read(); !isError[*publish.UnreachableError](err) {
		t.Errorf("always cut off: %v", err)
	}
	reg.SetFaults(nil)
	enough := errors.New("enough")
	if err := r.ReadBlob(t.Context(), repo, digest, func(io.Reader) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("error %v", err)
	}
	reg.LoseBlob("app", digest)
	if _, err := read(); !isError[*publish.NotFoundError](err) {
		t.Errorf("lost: %v", err)
	}
	if _, err := r.BlobSize(t.Context(), repo, digest); !isError[*publish.NotFoundError](err) {
		t.Errorf("size of what is lost: %v", err)
	}
	reg.SetFaults(on("HEAD blob", registrytest.Fault{Status: 403}))
	if _, err := r.BlobSize(t.Context(), repo, digest); !isError[*publish.AuthError](err) {
		t.Errorf("forbidden: %v", err)
	}
}
