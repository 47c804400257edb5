package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/imgo-build/imgo/pkg/imgo"
)

// versionInfo says which imgo this is.
type versionInfo struct {
	Version  string `json:"version"`
	Assembly string `json:"assembly"` // see imgo.AssemblyVersion
	Go       string `json:"go"`       // that imgo itself was built with
	Platform string `json:"platform"` // that imgo itself runs on
}

// version prefers what the release build stamped, then the module's version of
// "go install …@version".
func (a *app) version() versionInfo {
	v := a.Version
	if v == "" {
		v = "devel"
		if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
			v = info.Main.Version
		}
	}
	return versionInfo{Version: v, Assembly: imgo.AssemblyVersion(), Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
}

func (a *app) versionCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "version",
		Short:   "Print the version of imgo and of its image assembly",
		Example: "  imgo version\n  imgo version --json",
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			v := a.version()
			if asJSON {
				return a.printJSON(v)
			}
			_, err := fmt.Fprintf(a.Stdout, "imgo %s (assembly %s, %s, %s)\n", v.Version, v.Assembly, v.Go, v.Platform)
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	return cmd
}
