package engine

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/imgo-build/imgo/internal/environ"
)

func TestFindDockerHost(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Setenv("USERPROFILE", "")
	}
	config := t.TempDir()
	context := func(name, meta string) {
		sum := sha256.Sum256([]byte(name))
		write(t, filepath.Join(config, "contexts", "meta", hex.EncodeToString(sum[:]), "meta.json"), meta, 0o600)
	}
	context("desktop", `{"Name":"desktop","Endpoints":{"docker":{"Host":"unix:///desktop.sock","SkipTLSVerify":false}}}`)
	context("far", `{"Endpoints":{"docker":{"Host":"ssh://me:secret@far"}}}`)
	context("kube", `{"Endpoints":{"kubernetes":{"Host":"x"}}}`)
	context("half", `{`)
	context("loose", `{"Endpoints":{"docker":{"Host":"tcp://10.0.0.1","SkipTLSVerify":true}}}`)
	write(t, filepath.Join(config, "config.json"), `{"currentContext":"desktop"}`, 0o600)
	in := "DOCKER_CONFIG=" + config
	for name, c := range map[string]struct {
		env  []string
		want string // name, network, address
		fail string // the error's Where
	}{
		"DOCKER_HOST first":  {env: []string{in, "DOCKER_HOST=unix:///run/d.sock", "DOCKER_CONTEXT=far"}, want: "unix:///run/d.sock unix /run/d.sock"},
		"no path":            {env: []string{"DOCKER_HOST=unix://"}, want: "unix:// unix /var/run/docker.sock"},
		"tcp":                {env: []string{"DOCKER_HOST=tcp://h:1"}, want: "tcp://h:1 tcp h:1"},
		"tcp with a default": {env: []string{"DOCKER_HOST=tcp://h"}, want: "tcp://h:2375 tcp h:2375"},
		"tls with a default": {env: []string{"DOCKER_HOST=tcp://[::1]", "DOCKER_TLS_VERIFY=1", in}, want: "tcp://[::1]:2376 tcp [::1]:2376 tls"},
		"ssh":                {env: []string{"DOCKER_HOST=ssh://me@h"}, want: "ssh://me@h  "},
		"npipe":              {env: []string{"DOCKER_HOST=npipe:////./pipe/x"}, want: "npipe:////./pipe/x  "},
		"the last one":       {env: []string{"DOCKER_HOST=tcp://h:1", "DOCKER_HOST=tcp://h:2"}, want: "tcp://h:2 tcp h:2"},
		"config.json":        {env: []string{in}, want: "unix:///desktop.sock unix /desktop.sock"},
		"DOCKER_CONTEXT":     {env: []string{in, "DOCKER_CONTEXT=far"}, want: "ssh://me:xxxxx@far  "},
		"without checks":     {env: []string{in, "DOCKER_CONTEXT=loose"}, want: "tcp://10.0.0.1:2376 tcp 10.0.0.1:2376 tls"},
		"no such context":    {env: []string{in, "DOCKER_CONTEXT=nope"}, fail: `docker context "nope"`},
		"other endpoint":     {env: []string{in, "DOCKER_CONTEXT=kube"}, fail: `docker context "kube"`},
		"no JSON":            {env: []string{in, "DOCKER_CONTEXT=half"}, fail: `docker context "half"`},
		"no scheme":          {env: []string{"DOCKER_HOST=/run/d.sock"}, fail: "DOCKER_HOST"},
		"no host":            {env: []string{"DOCKER_HOST=tcp://"}, fail: "DOCKER_HOST"},
		"other scheme":       {env: []string{"DOCKER_HOST=fd://"}, fail: "DOCKER_HOST"},
		"no certificates":    {env: []string{"DOCKER_HOST=tcp://h", "DOCKER_TLS_VERIFY=1", "DOCKER_CERT_PATH=" + filepath.Dir(write(t, filepath.Join(t.TempDir(), "ca.pem"), "x", 0o600))}, fail: "DOCKER_HOST"},
	} {
		t.Run(name, func(t *testing.T) {
			h, err := findDockerHost(c.env)
			if c.fail != "" {
				e, ok := errors.AsType[*EngineError](err)
				if !ok || e.Kind != Misconfigured || e.Where != c.fail {
					t.Errorf("%v %+v, want a complaint about %s", h, err, c.fail)
				}
				return
			}
			got := h.name + " " + h.network + " " + h.address
			if h.tls != nil {
				got += " tls"
			}
			if err != nil || got != c.want {
				t.Errorf("%q, %v, want %q", got, err, c.want)
			}
		})
	}
}

func TestUsualSocket(t *testing.T) {
	if exists(systemSocket) || runtime.GOOS == "windows" {
		if h := usualSocket(nil); h.address != systemSocket {
			t.Errorf("%+v", h)
		}
		return
	}
	dir := t.TempDir()
	env := environ.Environ{"XDG_RUNTIME_DIR=" + dir, "HOME=" + dir}
	if h, err := findDockerHost(env); err != nil || h.address != systemSocket {
		t.Errorf("without any socket: %+v, %v", h, err)
	}
	rootless := write(t, filepath.Join(dir, "docker.sock"), "", 0o600)
	if h, err := findDockerHost(env); err != nil || h.address != rootless {
		t.Errorf("with a rootless one: %+v, %v", h, err)
	}
}
