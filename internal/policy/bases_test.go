package policy

import "testing"

func TestBases(t *testing.T) {
	for _, c := range []struct {
		pattern, base string
		ok            bool
	}{
		{"scratch", "", true},
		{"alpine", "", false},
		{"**", "", false},
		{"scratch", "scratch:1", false}, // a repository of that name
		{"alpine", "alpine", true},
		{"alpine", "alpine:3.24@sha256:00", true},
		{"alpine", "docker.io/library/alpine", true},
		{"alpine", "index.docker.io/library/alpine:3.24", true},
		{"alpine", "docker.io/alpine", true},
		{"docker.io/alpine", "alpine", true},
		{"index.docker.io/library/*", "alpine", true},
		{"docker.io/**", "acme/deep/er:1", true},
		{"alpine", "acme/alpine", false},
		{"alpine", "ghcr.io/alpine", false},
		{"alpine", "ghcr.io/library/alpine", false},
		{"acme/*", "acme/base:1", true},
		{"acme/*", "ghcr.io/acme/base:1", false},
		{"*", "debian:13", true},
		{"*", "acme/debian:13", false},
		{"{alpine,debian}", "debian:13", true},
		{"**", "ghcr.io/acme/base:1", true},
		{"**/distroless/*", "mirror.example.com/distroless/static", true},
		{"distroless", "gcr.io/distroless/static-debian13:nonroot@sha256:00", true},
		{"distroless", "gcr.io/distroless/deep/er", false},
		{"distroless", "distroless", false},
		{"gcr.io/distroless/*", "gcr.io/distroless/static", true},
		{"gcr.io/distroless/*", "gcr.io/distroless.evil/static", false},
		{"gcr.io/distroless/*", "gcr.io.evil.com/distroless/static", false},
		{"gcr.io/distroless/*", "evil.com/gcr.io/distroless/static", false},
		{"gcr.io/distroless/*", "gcr.io/distroless/a/b", false},
		{"gcr.io/distroless/**", "gcr.io/distroless/a/b", true},
		{"localhost:5000/base", "localhost:5000/base", true},
		{"localhost:5000/base", "localhost:5000/base:1", true},
		{"localhost:5000/base", "localhost:5001/base", false},
		{"localhost/base", "localhost/base:1", true},
		{"alpine", "oci:alpine", false},
		{"oci", "oci:alpine", false}, // a layout, not the tag alpine
		{"gcr.io/distroless/*", "gcr.io/distroless/static.tar@sha256:00", false},
		{"**", "/srv/base", false},
		{"**", "./base", false},
		{"**", `C:\base`, false},
	} {
		p := &Policy{Bases: []string{"quay.io/other", c.pattern}}
		if err := p.Validate(); err != nil {
			t.Errorf("%s: %v", c.pattern, err)
		}
		found := p.Check(Facts{BaseKnown: true, Base: c.base})
		if ok := len(found) == 0; ok != c.ok {
			t.Errorf("%s, base %q: allowed %v, %+v", c.pattern, c.base, ok, found)
		}
		if len(found) > 0 && found[0].Unknown != (c.base != "" && isFile(c.base)) {
			t.Errorf("base %q: %+v", c.base, found)
		}
	}
}
