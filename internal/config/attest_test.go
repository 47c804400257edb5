package config_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/imgo-build/imgo/internal/config"
	"github.com/imgo-build/imgo/pkg/build"
)

const attested = `
defaults:
  sbom: [cyclonedx]
  sign: {key: keys/cosign.key, log: false}
images:
  keyed: {package: ./a}
  keyless: {package: ./b, sign: keyless, provenance: false}
  plain: {package: ./c, sign: false, sbom: none}
`

// pushed resolves a push with the flags, and says of each image how it is signed.
func pushed(t *testing.T, dir string, given ...func(*config.Input)) (map[string]build.Attestations, error) {
	t.Helper()
	in := input(dir)
	in.Push = true
	for _, g := range given {
		g(&in)
	}
	req, err := config.Resolve(in)
	out := map[string]build.Attestations{"": req.Default.Attest}
	for _, i := range req.Images {
		out[i.Name] = i.Settings.Attest
	}
	return out, err
}

// flag is a flag of the command line; variable is the same from the environment.
func flag(name string, set func(*config.Input)) func(*config.Input) {
	return func(in *config.Input) { in.Given[name] = "--" + name; set(in) }
}

func variable(name string, set func(*config.Input)) func(*config.Input) {
	return func(in *config.Input) { in.Given[name] = config.EnvVar(name); set(in) }
}

func sign(on bool) func(*config.Input)     { return func(in *config.Input) { in.Sign = on } }
func key(path string) func(*config.Input)  { return func(in *config.Input) { in.Key = path } }
func sbom(f ...string) func(*config.Input) { return func(in *config.Input) { in.SBOM = f } }
func noTlog(in *config.Input)              { in.NoTlog = true }
func cosignTags(in *config.Input)          { in.CosignTags = true }

func TestAttestationsOfTheFile(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{".imgo.yaml": attested, "go.mod": "module m\n"})
	got, err := pushed(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	byKey := build.Attestations{
		SBOM: []string{"cyclonedx"}, Provenance: true,
		Sign: &build.Signing{Key: filepath.Join(dir, "keys", "cosign.key"), NoLog: true},
	}
	want := map[string]build.Attestations{
		"": byKey, "keyed": byKey,
		"keyless": {SBOM: []string{"cyclonedx"}, Sign: &build.Signing{}},
		"plain":   {},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	got, err = pushed(t, t.TempDir())
	if diff := cmp.Diff(map[string]build.Attestations{"": {SBOM: []string{"spdx"}}}, got); diff != "" || err != nil {
		t.Errorf("defaults: %v (-want +got)\n%s", err, diff)
	}
}

// How each image is signed with flags over the file: by a key's name, keyless, or not.
func TestSigningFlagsGoOverTheFile(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{".imgo.yaml": attested, "go.mod": "module m\n", "sub/k.key": ""})
	inSub := func(in *config.Input) { in.Chdir = "sub" }
	for name, c := range map[string]struct {
		flags                 []func(*config.Input)
		keyed, keyless, plain string
	}{
		"nothing":                   {nil, "cosign.key no log", "keyless", "no"},
		"sign":                      {[]func(*config.Input){flag("sign", sign(true))}, "cosign.key no log", "keyless", "keyless"},
		"not":                       {[]func(*config.Input){flag("sign", sign(false))}, "no", "no", "no"},
		"not, by a variable":        {[]func(*config.Input){variable("sign", sign(false))}, "no", "no", "no"},
		"key":                       {[]func(*config.Input){inSub, flag("key", key("k.key"))}, "k.key no log", "k.key", "k.key"},
		"key and log":               {[]func(*config.Input){inSub, flag("key", key("k.key")), flag("no-tlog", func(in *config.Input) {})}, "k.key", "k.key", "k.key"},
		"key and no log":            {[]func(*config.Input){flag("key", key("sub/k.key")), flag("sign", sign(true)), variable("no-tlog", noTlog)}, "k.key no log", "k.key no log", "k.key no log"},
		"key over a variable":       {[]func(*config.Input){flag("key", key("sub/k.key")), variable("sign", sign(false))}, "k.key no log", "k.key", "k.key"},
		"off over a key's variable": {[]func(*config.Input){variable("key", key("gone.key")), flag("sign", sign(false))}, "no", "no", "no"},
		"both by variables":         {[]func(*config.Input){variable("key", key("gone.pub")), variable("sign", sign(false))}, "no", "no", "no"},
		"tags":                      {[]func(*config.Input){flag("cosign-tags", cosignTags)}, "cosign.key no log tags", "keyless tags", "no"},
	} {
		got, err := pushed(t, dir, c.flags...)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		ways := map[string]string{}
		for image, a := range got {
			if image != "" {
				ways[image] = way(a.Sign)
			}
		}
		if diff := cmp.Diff(map[string]string{"keyed": c.keyed, "keyless": c.keyless, "plain": c.plain}, ways); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
	}
}

func way(s *build.Signing) string {
	if s == nil {
		return "no"
	}
	out := "keyless"
	if s.Key != "" {
		out = filepath.Base(s.Key)
	}
	if s.NoLog {
		out += " no log"
	}
	if s.CosignTags {
		out += " tags"
	}
	return out
}

func TestServicesAndFormatsOfFlags(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"sub/root.json": "{}"})
	in := input(dir)
	in.Push, in.Chdir = true, "sub"
	for _, set := range []func(*config.Input){
		flag("sign", sign(true)), flag("sbom", sbom("cyclonedx", "spdx", "cyclonedx")),
		flag("provenance", func(in *config.Input) { in.Provenance = false }),
		flag("sbom-dir", func(in *config.Input) { in.SBOMDir = "../out" }),
		flag("fulcio-url", func(in *config.Input) { in.FulcioURL = "http://127.0.0.1:5555" }),
		variable("rekor-url", func(in *config.Input) { in.RekorURL = "https://rekor.example/" }),
		flag("tsa-url", func(in *config.Input) { in.TSAURL = "http://tsa.example/tsr" }),
		flag("trusted-root", func(in *config.Input) { in.TrustedRoot = "root.json" }),
	} {
		set(&in)
	}
	req, err := config.Resolve(in)
	if err != nil {
		t.Fatal(err)
	}
	want := build.Attestations{
		SBOM: []string{"cyclonedx", "spdx"}, SBOMDir: filepath.Join(dir, "out"),
		Sign: &build.Signing{
			FulcioURL: "http://127.0.0.1:5555", RekorURL: "https://rekor.example", TSAURL: "http://tsa.example/tsr",
			TrustedRoot: filepath.Join(dir, "sub", "root.json"),
		},
	}
	if diff := cmp.Diff(want, req.Default.Attest); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if got := req.Default.Origins; got["rekorURL"] != "IMGO_REKOR_URL" || got["sign"] != "--sign" || got["sbomDir"] != "--sbom-dir" {
		t.Errorf("origins %v", got)
	}
}

// Where nothing is pushed, what the file and the environment say waits for a push.
func TestAttestationsWithoutARegistry(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{".imgo.yaml": attested, "go.mod": "module m\n"})
	in := input(dir)
	for _, set := range []func(*config.Input){
		variable("provenance", func(in *config.Input) { in.Provenance = true }),
		variable("key", key("cosign.pub")), variable("fulcio-url", func(in *config.Input) { in.FulcioURL = "?" }),
		flag("cosign-tags", func(in *config.Input) {}),
	} {
		set(&in)
	}
	req, err := config.Resolve(in)
	if err != nil {
		t.Fatal(err)
	}
	keyed, plain := req.Images[0].Settings, req.Images[2].Settings
	if !keyed.Attest.None() || !plain.Attest.None() {
		t.Errorf("%+v, %+v", keyed.Attest, plain.Attest)
	}
	if o := keyed.Origins; o[config.OnPush+"sign"] != "IMGO_KEY" || o["sign"] != "" || o[config.OnPush+"sbom"] != ".imgo.yaml:3:9" {
		t.Errorf("origins %v", o)
	}
	if o := plain.Origins; o["sbom"] != ".imgo.yaml:8:44" || o[config.OnPush+"sbom"] != "" {
		t.Errorf("origins %v", o)
	}
	in.SBOMDir, in.Given["sbom-dir"] = "out", "--sbom-dir"
	req, err = config.Resolve(in)
	if err != nil {
		t.Fatal(err)
	}
	want := build.Attestations{SBOM: []string{"cyclonedx"}, SBOMDir: filepath.Join(dir, "out")}
	if diff := cmp.Diff(want, req.Images[0].Settings.Attest); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if a := req.Images[2].Settings.Attest; !a.None() || a.SBOMDir != "" {
		t.Errorf("without an SBOM: %+v", a)
	}
}

func TestRefusesAttestationFlags(t *testing.T) {
	type set = []func(*config.Input)
	at := func(to *string, value string) { *to = value }
	onDisk := func(in *config.Input) { in.Push = false }
	fulcio := func(url string) func(*config.Input) {
		return flag("fulcio-url", func(in *config.Input) { at(&in.FulcioURL, url) })
	}
	dirFlag := func(path string) func(*config.Input) {
		return flag("sbom-dir", func(in *config.Input) { at(&in.SBOMDir, path) })
	}
	signed, keyed := flag("sign", sign(true)), flag("key", key("k.key"))
	for name, c := range map[string]struct {
		flags set
		want  string // nothing where it is accepted
	}{
		"sign to disk":           {set{onDisk, signed}, "--sign: signatures live in a registry, beside the image: use imgo push"},
		"key to disk":            {set{onDisk, keyed}, "--key: signatures live in a registry"},
		"root to disk":           {set{onDisk, flag("trusted-root", func(*config.Input) {})}, "--trusted-root: no base is verified: add --verify-base"},
		"not signed to disk":     {set{onDisk, flag("sign", sign(false))}, ""},
		"provenance to disk":     {set{onDisk, flag("provenance", func(in *config.Input) { in.Provenance = true })}, "--provenance: provenance lives in a registry"},
		"no provenance to disk":  {set{onDisk, flag("provenance", func(*config.Input) {})}, ""},
		"SBOM to disk":           {set{onDisk, flag("sbom", sbom("spdx"))}, "or write them to files with --sbom-dir DIR"},
		"SBOM's variable":        {set{onDisk, variable("sbom", sbom("spdx"))}, ""},
		"no SBOM to disk":        {set{onDisk, flag("sbom", sbom("none"))}, ""},
		"no SBOM in files":       {set{onDisk, flag("sbom", sbom("none")), dirFlag("out")}, "--sbom-dir: no image has an SBOM"},
		"SBOM's format":          {set{flag("sbom", sbom("pdf"))}, `--sbom: "pdf" is not a format of SBOMs or none: write spdx, cyclonedx or none`},
		"SBOM's empty format":    {set{flag("sbom", sbom(""))}, "--sbom: "},
		"SBOM of syft":           {set{variable("sbom", sbom("spdx-json"))}, `IMGO_SBOM: "spdx-json" is not a format of SBOMs or none: did you mean "spdx"?`},
		"SBOM and none":          {set{flag("sbom", sbom("spdx", "none"))}, "--sbom: none stands alone"},
		"SBOM's file":            {set{dirFlag("k.key")}, `--sbom-dir: "k.key" is not a directory`},
		"SBOM's nowhere":         {set{dirFlag("")}, `--sbom-dir: "" is not a directory`},
		"log without a key":      {set{signed, flag("no-tlog", noTlog)}, "--no-tlog: a certificate is valid for minutes"},
		"log without signing":    {set{flag("no-tlog", noTlog)}, "--no-tlog: nothing is signed: add --sign, or --key FILE"},
		"tags without signing":   {set{flag("cosign-tags", cosignTags)}, "--cosign-tags: nothing is signed"},
		"tags, by a variable":    {set{variable("cosign-tags", cosignTags)}, ""},
		"Fulcio without signing": {set{fulcio("https://x")}, "--fulcio-url: nothing is signed"},
		"Fulcio with a key":      {set{keyed, fulcio("https://x")}, "--fulcio-url: a key needs no certificate"},
		"Rekor without a log":    {set{keyed, flag("no-tlog", noTlog), flag("rekor-url", func(in *config.Input) { at(&in.RekorURL, "https://x") })}, "--rekor-url: nothing goes to a log"},
		"no URL":                 {set{signed, fulcio("fulcio.example")}, "--fulcio-url: it is not the URL of a service, such as https://"},
		"a URL's password":       {set{signed, fulcio("https://me:hunter2@fulcio.example")}, "--fulcio-url: the URL of a service holds no password"},
		"a URL's query":          {set{signed, fulcio("https://fulcio.example/?token=hunter2")}, "--fulcio-url: it is not the URL"},
		"key and not":            {set{keyed, flag("sign", sign(false))}, "--key: --sign=false signs nothing"},
		"key that is gone":       {set{flag("key", key("gone.key"))}, "--key: "},
		"key's directory":        {set{flag("key", key("."))}, "--key: . is a directory"},
		"key's nowhere":          {set{flag("key", key(""))}, "--key: it is not a file's name"},
		"public key":             {set{variable("key", key("cosign.pub"))}, "IMGO_KEY: this is a public key, which signs nothing"},
		"public key by content":  {set{flag("key", key("pub.pem"))}, "--key: pub.pem holds a public key, which signs nothing"},
		"key of a service":       {set{flag("key", key("awskms:///alias/hunter2"))}, "--key: a key is a file here, not one of a service"},
		"key itself":             {set{variable("key", key("-----BEGIN PRIVATE KEY-----\nhunter2"))}, "IMGO_KEY: this is a key itself"},
		"root that is gone":      {set{signed, variable("trusted-root", func(in *config.Input) { at(&in.TrustedRoot, "gone.json") })}, "IMGO_TRUSTED_ROOT: "},
		"root nowhere":           {set{signed, flag("trusted-root", func(*config.Input) {})}, "--trusted-root: it names no file"},
	} {
		dir := t.TempDir()
		write(t, dir, map[string]string{"k.key": "", "pub.pem": "-----BEGIN PUBLIC KEY-----\n"})
		_, err := pushed(t, dir, c.flags...)
		switch {
		case err == nil && c.want != "":
			t.Errorf("%s: accepted", name)
		case err != nil && (c.want == "" || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "hunter2")):
			t.Errorf("%s: got %v, want an error with %q", name, err, c.want)
		case err != nil && strings.Contains(err.Error(), "\n"):
			t.Errorf("%s: more than one error: %v", name, err)
		}
	}
}

// The flags of imgo sign are those of imgo push, and checked alike.
func TestSigning(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"k.key": "", "pub.pem": "-----BEGIN PUBLIC KEY-----\n", "root.json": "{}"})
	tsa := flag("tsa-url", func(in *config.Input) { in.TSAURL = "http://tsa.example/tsr" })
	for name, c := range map[string]struct {
		flags []func(*config.Input)
		want  *build.Signing
		err   string
	}{
		"keyless": {[]func(*config.Input){tsa}, &build.Signing{TSAURL: "http://tsa.example/tsr"}, ""},
		"key": {
			[]func(*config.Input){variable("key", key("k.key")), flag("no-tlog", noTlog), flag("cosign-tags", cosignTags), flag("trusted-root", func(in *config.Input) { in.TrustedRoot = "root.json" })},
			&build.Signing{Key: filepath.Join(dir, "k.key"), NoLog: true, CosignTags: true, TrustedRoot: filepath.Join(dir, "root.json")}, "",
		},
		"no log":          {[]func(*config.Input){flag("no-tlog", noTlog)}, nil, "--no-tlog: a certificate is valid for minutes"},
		"public key":      {[]func(*config.Input){flag("key", key("a.pub"))}, nil, "--key: this is a public key, which signs nothing"},
		"its content":     {[]func(*config.Input){flag("key", key("pub.pem"))}, nil, "pub.pem holds a public key"},
		"no key there":    {[]func(*config.Input){flag("key", key("gone.key"))}, nil, "--key: "},
		"needless Fulcio": {[]func(*config.Input){flag("key", key("k.key")), flag("fulcio-url", func(in *config.Input) { in.FulcioURL = "https://f" })}, nil, "--fulcio-url: a key needs no certificate"},
		"needless Rekor":  {[]func(*config.Input){flag("key", key("k.key")), flag("no-tlog", noTlog), flag("rekor-url", func(in *config.Input) { in.RekorURL = "https://r" })}, nil, "--rekor-url: nothing goes to a log"},
	} {
		in := config.Input{Dir: dir, Given: map[string]string{}}
		for _, set := range c.flags {
			set(&in)
		}
		got, err := config.Signing(in)
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%s: %v, want %q", name, err, c.err)
			}
			continue
		}
		if diff := cmp.Diff(c.want, got); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got)\n%s", name, err, diff)
		}
	}
}
