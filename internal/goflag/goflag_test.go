package goflag

import (
	"errors"
	"strings"
	"testing"
)

func TestCheckLdflags(t *testing.T) {
	for _, value := range []string{
		"", "  \n", "-s -w", "--s --w=false", "-s=0",
		"-X main.v=1", "-X=main.v=1", "--X=main.v=", "-X 'main.v=a b'", `"-X=main.v=a b"`, "-X\tmain.v=ü\n-s",
		"-X example.com/m/v2.name=-extld=x", // a value, whatever it looks like
		"-X main.v=@x", "-X=main.v=1 -X=main.w=2",
		"all=-s", "./...=-X main.v=1", "example.com/x=", "-linkmode=external -extldflags -static", "-linkmode external -extldflags '-static'",
		`-extldflags "-static -static"`, `-extldflags=`, `"-extldflags=-static"`,
		"-buildid=", "-buildid x", "-B gobuildid", "-B=0xabcd", "-checklinkname=0", "-compressdwarf=false", "-d",
	} {
		if err := CheckLdflags(value); err != nil {
			t.Errorf("CheckLdflags(%q): %v", value, err)
		}
	}
	for value, flag := range map[string]string{
		"-extld=evil":                      "-extld",
		"-extld evil":                      "-extld",
		"--extld=evil":                     "-extld",
		"'-extld=evil'":                    "-extld",
		`"-extld" "evil"`:                  "-extld",
		"-s\n-extld\tevil":                 "-extld",
		"-s -X main.v=1 -extld=evil":       "-extld",
		"all=-extld=evil":                  "-extld",
		"x=-extld=evil":                    "-extld",
		" \u00a0-extld=evil":               "-extld", // the go command trims this blank too
		"-extldflags=-fplugin=x":           "-extldflags",
		"-extldflags '-static -B.'":        "-extldflags",
		`-extldflags "-static '-wrapper'"`: "-extldflags",
		`-extldflags "'"`:                  "-extldflags",
		"-linkmode=plugin":                 "-linkmode",
		"-r /lib":                          "-r",
		"-I ld.so":                         "-I",
		"-L .":                             "-L",
		"-k x":                             "-k",
		"-pluginpath=x":                    "-pluginpath",
		"-capturehostobjs=/":               "-capturehostobjs",
		"-tmpdir=/":                        "-tmpdir",
		"-cpuprofile=x":                    "-cpuprofile",
		"-o=/etc/x":                        "-o",
		"-o /etc/x":                        "-o",
		"-buildmode=plugin":                "-buildmode",
		"-importcfg=x":                     "-importcfg",
		"-H windowsgui":                    "-H",
		"-S":                               "-S", // case counts
		"-ſ":                               `-"ſ"`,
		"-Xx=main.v=1":                     "-Xx",
		"-nosuch":                          "-nosuch",
		"-s\u00a0-extld=x":                 `-"s\u00a0-extld"`, // no blank to the go command
		"-" + strings.Repeat("x", 100):     `-"` + strings.Repeat("x", maxShown) + `"`,
		"-B=-x":                            "-B",
	} {
		refused(t, CheckLdflags(value), "ldflags", flag)
	}
	for _, value := range []string{
		"-X", "-s -X", "-X=", "-X main", "-X=main=1", "-X =x", "-X .v=1", "-X main.=1", "-linkmode", // incomplete
		"main.v=1", "all", "=-s", "x", // no flags
		"-s x", "-X main.v=a secret", "-", "--", "-s -- -extld=x", "---s", "-=x", "--=x", "-s=maybe",
		"-s 'x", `-X "main.v`, // quotes
		"@file", "-s @file", "-X @file", "'@file'", "all=@file", // response files
		"-X 'main.v=a\x00b'", "-X 'main.v=a\r\n-extld=x'", "-X main.v=\x7f", "'\r@file'", "-X main.v=\xff",
		"\u00a0x=\u00a0-extld=x", "a\x00b=-s",
	} {
		malformed(t, CheckLdflags(value), "ldflags", value)
	}
}

func TestCheckGcflags(t *testing.T) {
	for _, value := range []string{
		"", "-N -l", "all=-N -l", "-l=4", "-m -m", "-m=2", "-e", "-B", "-dwarf=false", "-d=checkptr", "-d checkptr=0,loopvar=2",
		"-d=ssa/check_bce/debug=1", "-spectre=index,ret", "example.com/...=-smallframes",
	} {
		if err := CheckGcflags(value); err != nil {
			t.Errorf("CheckGcflags(%q): %v", value, err)
		}
	}
	for value, flag := range map[string]string{
		"-toolexec=evil":         "-toolexec",
		"-asmhdr x":              "-asmhdr",
		"all=-N -o=/x":           "-o",
		"-importcfg=x":           "-importcfg",
		"-embedcfg=x":            "-embedcfg",
		"-cpuprofile x":          "-cpuprofile",
		"-memprofile=x":          "-memprofile",
		"-traceprofile=x":        "-traceprofile",
		"-blockprofile=x":        "-blockprofile",
		"-pgoprofile=/x":         "-pgoprofile",
		"-bench=x":               "-bench",
		"-D /x":                  "-D",
		"-json=0,/x":             "-json",
		"-std":                   "-std",
		"-+":                     "-+",
		"-d=dumpinlfuncprops=/x": "-d",
		"-d=ssa/lower/dump=f":    "-d",
		"-d=checkptr,x":          "-d",
		"-d=checkptr=":           "-d",
		"-d=":                    "-d",
		"-spectre=all,x":         "-spectre",
	} {
		refused(t, CheckGcflags(value), "gcflags", flag)
	}
	for _, value := range []string{"-d", "-l=x", "-N 2", "-l=-1", "@x"} {
		malformed(t, CheckGcflags(value), "gcflags", value)
	}
}

func TestCheckTags(t *testing.T) {
	for _, value := range []string{"", "netgo", "netgo,osusergo", "a b\tc", "go1.22,a_b,é"} {
		if err := CheckTags(value); err != nil {
			t.Errorf("CheckTags(%q): %v", value, err)
		}
	}
	for _, value := range []string{"a=b", "-toolexec", "a,!b", "'a b'", "a\x00", "\xff", "a;b", "a\u00a0b"} {
		malformed(t, CheckTags(value), "buildTags", value)
	}
}

func TestCheckEnv(t *testing.T) {
	for _, entry := range []string{
		"CGO_ENABLED=0", "CGO_ENABLED=1", "GOEXPERIMENT=jsonv2,greenteagc", "GOEXPERIMENT=", "GOFIPS140=v1.0.0", "GOWORK=off",
		"GO111MODULE=on", "GOTOOLCHAIN=local", "GOTOOLCHAIN=auto", "GOMIPS=softfloat",
		"GOFLAGS=", "GOFLAGS=-trimpath --mod=vendor -tags=a,b", "GOFLAGS='-ldflags=-s -w' '-gcflags=all=-N -l'",
		`GOFLAGS="-ldflags=-X 'main.v=a b'"`, "GOFLAGS=-race -cover=true -covermode=atomic -pgo=off -buildvcs=false -buildmode=pie -v",
	} {
		key, value, _ := strings.Cut(entry, "=")
		if err := CheckEnv(key, value); err != nil {
			t.Errorf("%s: %v", entry, err)
		}
	}
	for _, entry := range []string{
		"GOOS=linux", "GOARCH=arm64", "GOAMD64=v3", "GOARM=7", "GOARM64=v8.0", "GODEBUG=execerrdot=0",
		"GOTOOLCHAIN=go1.21.0", "GOTOOLCHAIN=/evil/go", "GOTOOLCHAIN=path", "GOTOOLCHAIN=go1.26.0+path", "GOWORK=/x/go.work", "GOWORK=",
		"CGO_ENABLED=", "CGO_ENABLED=yes", "GO111MODULE=off", "GOFIPS140=../x", "GOEXPERIMENT=a b", "GOEXPERIMENT=a\n", "GOMIPS=",
		"GOPROXY=https://x", "GOPRIVATE=*", "GONOSUMDB=*", "GONOSUMCHECK=1", "GOSUMDB=off", "GOINSECURE=*", "GOVCS=*:all", "GOAUTH=x",
		"CC=x", "CXX=x", "FC=x", "AR=x", "PKG_CONFIG=x", "CGO_CFLAGS=x", "CGO_LDFLAGS=x", "CGO_CFLAGS_ALLOW=.*", "CC_FOR_linux_amd64=x",
		"GOCACHEPROG=x", "GOPACKAGESDRIVER=x", "GOROOT=x", "GOTOOLDIR=x", "GOENV=x", "PATH=x", "HOME=x", "GIT_SSH_COMMAND=x",
		"GIT_CONFIG_COUNT=1", "LD_PRELOAD=x", "path=x", "cgo_enabled=1", "goflags=-toolexec=x", "GOFLAGS =-toolexec=x", "=x", "X=", "TOOLEXEC=x",
	} {
		key, value, _ := strings.Cut(entry, "=")
		refused(t, CheckEnv(key, value), "buildEnv", show(key))
	}
	for value, want := range map[string]string{
		"-toolexec=x":                   "GOFLAGS -toolexec",
		"--toolexec=x":                  "GOFLAGS -toolexec",
		"'-toolexec=x y'":               "GOFLAGS -toolexec",
		"-trimpath\n-toolexec=x":        "GOFLAGS -toolexec",
		"-overlay=x":                    "GOFLAGS -overlay",
		"-modfile=x":                    "GOFLAGS -modfile",
		"-modcacherw":                   "GOFLAGS -modcacherw",
		"-pkgdir=x":                     "GOFLAGS -pkgdir",
		"-C=/":                          "GOFLAGS -C",
		"-insecure":                     "GOFLAGS -insecure",
		"-compiler=gccgo":               "GOFLAGS -compiler",
		"-asmflags=-o=x":                "GOFLAGS -asmflags",
		"-gccgoflags=x":                 "GOFLAGS -gccgoflags",
		"-mod=/x":                       "GOFLAGS -mod",
		"-pgo=/etc/x":                   "GOFLAGS -pgo",
		"-buildmode=plugin":             "GOFLAGS -buildmode",
		"-buildvcs=true":                "GOFLAGS -buildvcs",
		"-ldflags=-extld=x":             "-ldflags in GOFLAGS -extld",
		"'-ldflags=-s -extld=x'":        "-ldflags in GOFLAGS -extld",
		`"-ldflags=-s '-extld=x y'"`:    "-ldflags in GOFLAGS -extld",
		"-ldflags=-s -ldflags=-extld=x": "-ldflags in GOFLAGS -extld",
		"--gcflags=all=-toolexec=x":     "-gcflags in GOFLAGS -toolexec",
	} {
		setting, flag, _ := cutLast(want)
		refused(t, CheckEnv("GOFLAGS", value), setting, flag)
	}
	for value, setting := range map[string]string{
		"-ldflags -s": "GOFLAGS", "-ldflags": "GOFLAGS", "-mod": "GOFLAGS", "x": "GOFLAGS", "-": "GOFLAGS", "--": "GOFLAGS", "'": "GOFLAGS",
		"=x": "GOFLAGS", "-=x": "GOFLAGS", "---trimpath": "GOFLAGS", "-trimpath=x": "GOFLAGS", "-trimpath @x": "GOFLAGS", "'-ldflags=-X \x00'": "GOFLAGS",
		"-ldflags=@x": "-ldflags in GOFLAGS", "-tags=a;b": "-tags in GOFLAGS", `'-ldflags="x'`: "-ldflags in GOFLAGS",
	} {
		malformed(t, CheckEnv("GOFLAGS", value), setting, value)
	}
}

// cutLast cuts s around its last blank.
func cutLast(s string) (before, after string, ok bool) {
	i := strings.LastIndexByte(s, ' ')
	return s[:i], s[i+1:], i >= 0
}

// refused checks that an error names a setting and flag.
func refused(t *testing.T, err error, setting, flag string) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Errorf("%s %s: %v, want an Error", setting, flag, err)
		return
	}
	if e.Setting != setting || e.Flag != flag || e.Reason == "" {
		t.Errorf("error is %#v, want one of %s %s", e, setting, flag)
	}
	if !strings.Contains(e.Error(), e.Option()) {
		t.Errorf("%q doesn't name %s", e, e.Option())
	}
}

// malformed checks that an error says that a value is wrong everywhere.
func malformed(t *testing.T, err error, setting, value string) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Errorf("%s %q: %v, want an Error", setting, value, err)
		return
	}
	if e.Setting != setting || e.Flag != "" || e.Reason == "" {
		t.Errorf("error for %q is %#v, want one of %s", value, e, setting)
	}
}

func TestErrorsShowNoValues(t *testing.T) {
	const secret = "hunter2"
	for _, err := range []error{
		CheckLdflags("-X main.v=a " + secret), CheckLdflags("-extld=" + secret), CheckLdflags("-linkmode=" + secret), CheckLdflags(secret),
		CheckLdflags("'" + secret), CheckLdflags("-X " + secret), CheckTags("a=" + secret), CheckEnv("X", secret), CheckEnv("CGO_ENABLED", secret),
		CheckEnv("GOFLAGS", secret), CheckEnv("GOFLAGS", "-ldflags=-extldflags="+secret), CheckEnv("GOFLAGS", "-trimpath="+secret),
	} {
		if err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("error is %v", err)
		}
	}
}

func TestErrorText(t *testing.T) {
	for want, err := range map[string]error{
		"ldflags: -extld is not taken from a configuration file: it names a program to run; " +
			"give it on the command line with --ldflags, where everything is allowed": CheckLdflags("-extld=x"),
		"buildEnv: CC is not taken from a configuration file: C compilers and their flags can run programs; " +
			"give it on the command line with --build-env, where everything is allowed": CheckEnv("CC", "x"),
		"-ldflags in GOFLAGS: -extld is not taken from a configuration file: it names a program to run; " +
			"give it on the command line with --build-env, where everything is allowed": CheckEnv("GOFLAGS", "-ldflags=-extld=x"),
		"ldflags: -X needs a value":                   CheckLdflags("-X"),
		"ldflags: -X: it takes IMPORTPATH.NAME=VALUE": CheckLdflags("-X v=1"),
		"ldflags: unterminated ' string":              CheckLdflags("-X 'v"),
	} {
		if err == nil || err.Error() != want {
			t.Errorf("error is %q, want %q", err, want)
		}
	}
}
