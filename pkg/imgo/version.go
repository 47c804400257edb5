package imgo

import (
	"github.com/imgo-build/imgo/internal/base/runtimelayer"
	"github.com/imgo-build/imgo/pkg/image"
	"github.com/imgo-build/imgo/pkg/layer"
)

// AssemblyVersion names everything of imgo's own that has a part in an image's
// digest: the form of layers, of manifests and configs, and the runtime layer of the
// empty base. Two imgo with the same assembly version make the same image of the same
// binary and base.
func AssemblyVersion() string {
	return layer.Version + "." + layer.ZstdVersion + "." + image.Version + "-" + runtimelayer.Version()
}
