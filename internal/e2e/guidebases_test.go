//go:build e2e

package e2e

import (
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// publishStandIns makes images that take the places of those that the guide names:
// with the same layout, users and programs, as far as they matter there. That for
// golang has a go command that makes an empty program of any package: what is compared
// is where it comes to lie.
func publishStandIns(s *sandbox, d engine) (mirror string) {
	s.t.Helper()
	mirror = plainRegistry(s.t) + "/guide"
	golang := guideRootfs(s)
	golang.file("usr/local/bin/go", `#!/bin/sh
for arg; do
  case "$previous" in -o) mkdir -p "${arg%/*}/" && echo >"$arg" && chmod 755 "$arg" ;; esac
  previous=$arg
done
`, 0o755)
	golang.debian("tzdata", "usr/share/zoneinfo/Europe/")
	golang.dir("go", 0o777, 0)
	goConfig := v1.Config{Env: []string{basePath}, WorkingDir: "/go"}
	publish(s, mirror+"/docker.io/library/golang:1.26", goConfig, golang.layer())

	alpine := guideRootfs(s)
	alpine.file("sbin/apk", "#!/bin/sh\nfor name; do :; done\necho >/usr/bin/\"$name\"\n", 0o755)
	alpine.dir("usr/bin", 0o755, 0)
	alpine.file("usr/sbin/addgroup", "#!/bin/sh\necho \"$3:x:$2:\" >>/etc/group\n", 0o755)
	alpine.file("usr/sbin/adduser", `#!/bin/sh
# -D -u UID -G GROUP -h HOME NAME
mkdir -p "$7"
chown "$3:$3" "$7"
echo "$8:x:$3:$3::$7:/sbin/nologin" >>/etc/passwd
`, 0o755)
	publish(s, mirror+"/docker.io/library/alpine:3.24", v1.Config{Env: []string{basePath}, Cmd: []string{"/bin/sh"}}, alpine.layer())

	static, glibc := "/gcr.io/distroless/static-debian13:nonroot", "/gcr.io/distroless/base-debian13:nonroot"
	publishDistroless(s, mirror+static)
	publishDebian(s, mirror+glibc)
	for ref, names := range map[string][]string{
		"/docker.io/library/golang:1.26": {"golang:1.26", "golang:1.26-alpine"},
		"/docker.io/library/alpine:3.24": {"alpine:3.24"},
		static:                           {strings.TrimPrefix(static, "/")},
		glibc:                            {strings.TrimPrefix(glibc, "/")},
	} {
		d.run(s, append(slices.Clone(d.pull), mirror+ref)...)
		d.forget(s, append(names, mirror+ref)...)
		for _, name := range names {
			d.run(s, "tag", mirror+ref, name)
		}
	}
	return mirror
}

// guideRootfs is what all Linux distributions have.
func guideRootfs(s *sandbox) *rootfs {
	r := newRootfs(s.t)
	r.busybox("bin")
	r.users("")
	r.copy("etc/ssl/certs/ca-certificates.crt")
	r.dir("tmp", 0o1777, 0)
	r.dir("run", 0o755, 0)
	r.link("var/run", "../run")
	return r
}
