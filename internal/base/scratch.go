package base

import (
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/imgo-build/imgo/pkg/build"
	"github.com/imgo-build/imgo/pkg/image"
)

// certFile is where the runtime layer has the CA roots. Programs that look in
// another place first find them by the variable.
const certFile = "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt"

// empty returns the empty base, which exists for every platform and has neither
// name nor digest: nothing about it can be looked up elsewhere.
func (s *Source) empty(p v1.Platform) (build.Base, error) {
	if _, err := image.ParsePlatform(image.PlatformString(p)); err != nil {
		return build.Base{}, err
	}
	img, err := image.Assemble(image.Parts{
		Platform: p,
		Layers:   []image.Addition{{Layer: s.opts.RuntimeLayer(), History: s.opts.RuntimeHistory}},
		Env:      []string{"PATH=" + image.DefaultPath, certFile},
	})
	return build.Base{Image: img}, err
}
