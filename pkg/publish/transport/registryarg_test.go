package transport_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/imgo-build/imgo/pkg/publish/transport"
)

func TestRegistryArgs(t *testing.T) {
	var args transport.RegistryArgs
	for _, a := range [][2]string{
		{transport.ArgCA, "registry.lan:5000=/etc/ssl/a=b.pem"},
		{transport.ArgCA, "Registry.LAN:5000=b.pem"},
		{transport.ArgCert, "registry.lan:5000=c.pem,k.pem"},
		{transport.ArgCert, "docker.io=hub.pem,hub-key.pem"},
		{transport.ArgMirror, "docker.io=mirror.lan:5000/hub/"},
		{transport.ArgMirror, "quay.io=mirror.lan"},
	} {
		if err := args.Add(a[0], a[1]); err != nil {
			t.Error(err)
		}
	}
	want := transport.RegistryArgs{
		Registries: map[string]transport.Registry{
			"registry.lan:5000": {CA: []string{"/etc/ssl/a=b.pem", "b.pem"}, Cert: "c.pem", Key: "k.pem"},
			"index.docker.io":   {Cert: "hub.pem", Key: "hub-key.pem"},
		},
		Mirrors: map[string]string{"index.docker.io": "mirror.lan:5000/hub", "quay.io": "mirror.lan"},
	}
	if diff := cmp.Diff(want, args); diff != "" {
		t.Error(diff)
	}
	for _, bad := range []struct{ kind, arg, says string }{
		{transport.ArgCA, "registry.lan", `there is no "="`},
		{transport.ArgCA, "=ca.pem", `"" is not a host`},
		{transport.ArgCA, "registry.lan=", `nothing after "="`},
		{transport.ArgCA, "https://registry.lan=ca.pem", "neither a scheme nor a path"},
		{transport.ArgCA, "registry.lan/team=ca.pem", "neither a scheme nor a path"},
		{transport.ArgCA, "not a host=ca.pem", "not a host"},
		{transport.ArgCert, "registry.lan=c.pem", "two files with a comma"},
		{transport.ArgCert, "registry.lan=c.pem,", "two files with a comma"},
		{transport.ArgCert, "registry.lan=a,b,c", "two files with a comma"},
		{transport.ArgCert, "registry.lan:5000=again.pem,k.pem", "has a client certificate already"},
		{transport.ArgMirror, "quay.io=other.lan", "has a mirror already"},
		{transport.ArgMirror, "gcr.io=http://mirror.lan", "no scheme"},
		{transport.ArgMirror, "gcr.io=mirror lan", "not a host"},
		{transport.ArgMirror, "gcr.io=mirror.lan/UPPER", "not a prefix"},
		{transport.ArgMirror, "gcr.io=mirror.lan/a:tag", "not a prefix"},
		{transport.ArgMirror, "gcr.io=mirror.lan//", "not a prefix"},
		{"registry-color", "gcr.io=blue", "no such setting"},
	} {
		err := args.Add(bad.kind, bad.arg)
		ae, ok := errors.AsType[*transport.ArgError](err)
		if !ok || ae.Kind != bad.kind || ae.Arg != bad.arg || !strings.Contains(ae.Reason, bad.says) {
			t.Errorf("%s %s: %v, want %s", bad.kind, bad.arg, err, bad.says)
		}
	}
}

func FuzzParseRegistryArg(f *testing.F) {
	for _, kind := range []string{transport.ArgCA, transport.ArgCert, transport.ArgMirror} {
		f.Add(kind, "docker.io=a.lan/b,c")
		f.Add(kind, "[::1]:5000=/x,/y")
		f.Add(kind, "http://=,")
	}
	f.Fuzz(func(t *testing.T, kind, arg string) {
		host, value, err := transport.ParseRegistryArg(kind, arg)
		if err != nil {
			if _, ok := errors.AsType[*transport.ArgError](err); !ok || host != "" || value != "" {
				t.Fatalf("%q, %q, %v", host, value, err)
			}
			return
		}
		again, v, err := transport.ParseRegistryArg(kind, host+"="+value)
		if err != nil || again != host || v != value || host == "" || value == "" {
			t.Fatalf("%q %q: %q, %q; again %q, %q, %v", kind, arg, host, value, again, v, err)
		}
	})
}
