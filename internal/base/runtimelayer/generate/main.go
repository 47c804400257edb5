// Command generate makes the runtime layer that imgo embeds: the blob runtime.tar.gz
// and the constants in versions.go, in the current directory.
//
// The CA roots are those of the module golang.org/x/crypto/x509roots/fallback at the
// version in go.mod, the time zones those of an IANA release, compiled by zic, which
// has to be installed. So an update is: go get the module, go generate, and a look at
// the difference.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
)

const latestTZData = "https://data.iana.org/time-zones/releases/tzdata-latest.tar.gz"

func main() {
	tzdata := flag.String("tzdata", "", "a tzdata release (tar.gz) or a tzdata.zi `file`; the latest release is downloaded without it")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *tzdata); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, tzdata string) error {
	ca, err := caRoots()
	if err != nil {
		return err
	}
	tz, err := timeZones(ctx, tzdata)
	if err != nil {
		return err
	}
	blob, err := pack(ctx, ca, tz)
	if err != nil {
		return err
	}
	if err := os.WriteFile("runtime.tar.gz", blob.bytes, 0o644); err != nil {
		return err
	}
	return writeVersions("versions.go", ca, tz, blob)
}
