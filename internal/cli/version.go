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

func (a *app) printVersion() error {
	v := a.version()
	_, err := fmt.Fprintf(a.Stdout, "imgo %s (assembly %s, %s, %s)\n", v.Version, v.Assembly, v.Go, v.Platform)
	return err
}

// versionFlag makes imgo --version work like imgo version.
func (a *app) versionFlag(root *cobra.Command) {
	version := root.Flags().Bool("version", false, "print the version, as imgo version does")
	run := root.RunE
	root.RunE = func(cmd *cobra.Command, args []string) error {
		if *version && len(args) == 0 {
			return a.printVersion()
		}
		return run(cmd, args)
	}
}

func (a *app) versionCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "version",
		Short:   "Print the version of imgo and of its image assembly",
		Example: "  imgo version\n  imgo version --json",
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			if asJSON {
				return a.printJSON(a.version())
			}
			return a.printVersion()
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	return cmd
}
