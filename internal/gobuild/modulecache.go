package gobuild

import (
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/imgo-build/imgo/pkg/build"
)

// ModuleCache is where the go command keeps modules with the settings, or empty where
// that isn't known.
func (c *Compiler) ModuleCache(s build.GoSettings, p v1.Platform) string {
	t, err := c.toolchain(s, p)
	if err != nil {
		return ""
	}
	return t.moduleCache()
}
