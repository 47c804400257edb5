package secrets

import (
	"bytes"
	"encoding/base64"
	"strings"
	"unicode"
	"unicode/utf8"
)

// rule is a shape of a secret in content.
type rule struct {
	name string
	// literal is part of every secret of the kind, and as rare elsewhere as possible.
	literal string
	// accept judges by what surrounds the literal.
	accept func(before, after []byte) bool
	// only restricts the rule to files of that name, in lower case.
	only string
}

// The alphabets of tokens.
const (
	digits   = "0123456789"
	lower    = "abcdefghijklmnopqrstuvwxyz"
	upper    = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	alphanum = digits + lower + upper
	urlsafe  = alphanum + "-_"
	base64s  = alphanum + "+/"
)

// rules returns what is looked for in content. Literals have at least four bytes.
func rules() []rule {
	list := []rule{
		{name: "private key", literal: "-----BEGIN ", accept: isPEM},
		{name: "private key", literal: "PuTTY-User-Key-File-", accept: token(digits, 1, 1, 0)},
		{name: "age identity", literal: "AGE-SECRET-KEY-1", accept: token(upper+digits, 58, 58, 3)},
		{name: "AWS access key", literal: "AKIA", accept: isAWSKey},
		{name: "AWS access key", literal: "ASIA", accept: isAWSKey},
		{name: "AWS access key", literal: "aws_secret_access_key", accept: isAWSSecret},
		{name: "AWS access key", literal: "AWS_SECRET_ACCESS_KEY", accept: isAWSSecret},
		{name: "AWS access key", literal: "ecretAccessKey", accept: isAWSSecret},
		{name: "Azure storage key", literal: "AccountKey=", accept: isAzureKey},
		{name: "Google API key", literal: "AIza", accept: token(urlsafe, 35, 35, 3.5)},
		{name: "Google OAuth client secret", literal: "GOCSPX-", accept: token(urlsafe, 28, 28, 3)},
		{name: "GitHub token", literal: "github_pat_", accept: token(alphanum+"_", 82, 82, 3.5)},
		{name: "GitLab token", literal: "glpat-", accept: token(urlsafe, 20, 300, 3)},
		{name: "npm token", literal: "npm_", accept: token(alphanum, 36, 36, 3.5)},
		{name: "npm token", literal: "_authToken", accept: isAssignedToken},
		{name: "npm password", literal: "_auth", accept: isAssigned, only: ".npmrc"},
		{name: "npm password", literal: "_password", accept: isAssigned, only: ".npmrc"},
		{name: "PyPI token", literal: "pypi-AgE", accept: token(urlsafe, 50, 0, 3.5)},
		{name: "PyPI password", literal: "password", accept: isAssigned, only: ".pypirc"},
		{name: "Docker access token", literal: "dckr_pat_", accept: token(urlsafe, 27, 40, 3)},
		{name: "HTTP credentials", literal: "uthorization: ", accept: isHTTPCredentials},
		{name: "HTTP credentials", literal: "AUTHORIZATION: ", accept: isHTTPCredentials},
		{name: "registry credentials", literal: `"auth"`, accept: isRegistryAuth},
		{name: "registry credentials", literal: `"identitytoken"`, accept: isAssignedToken},
		{name: "registry credentials", literal: "eyJhdXRocyI6", accept: token(base64s, 40, 0, 3)}, // {"auths":
		{name: "kubeconfig", literal: "client-key-data", accept: isClientKey},
		{name: "kubeconfig", literal: "token:", accept: isUserToken},
		{name: "netrc password", literal: "password", accept: isNetrc},
		{name: "Stripe key", literal: "sk_live_", accept: token(alphanum, 20, 247, 3)},
		{name: "Stripe key", literal: "rk_live_", accept: token(alphanum, 20, 247, 3)},
		{name: "Anthropic API key", literal: "sk-ant-", accept: token(urlsafe, 80, 200, 3.5)},
		{name: "OpenAI API key", literal: "sk-proj-", accept: token(urlsafe, 40, 300, 3.5)},
		{name: "DigitalOcean token", literal: "dop_v1_", accept: token("0123456789abcdef", 64, 64, 3)},
		{name: "Vault token", literal: "hvs.", accept: token(urlsafe, 90, 300, 3.5)},
	}
	for _, kind := range []string{"p", "o", "u", "s", "r"} {
		list = append(list, rule{name: "GitHub token", literal: "gh" + kind + "_", accept: token(alphanum, 36, 251, 3.5)})
	}
	for _, kind := range []string{"a", "b", "e", "p", "r", "s"} {
		list = append(list, rule{name: "Slack token", literal: "xox" + kind + "-", accept: isSlackToken})
	}
	return list
}

// token accepts a word that consists of the literal and least to most characters of
// the alphabet (0: any number), with at least so many bits of entropy a character.
func token(alphabet string, least, most int, entropy float64) func(before, after []byte) bool {
	return func(before, after []byte) bool {
		word := run(after, alphabet)
		return !endsInWord(before) && len(word) >= least && (most == 0 || len(word) <= most) && isRandom(word, entropy)
	}
}

// run is the longest beginning of b that has only characters of the alphabet.
func run(b []byte, alphabet string) []byte {
	for i, c := range b {
		if strings.IndexByte(alphabet, c) < 0 {
			return b[:i]
		}
	}
	return b
}

// endsInWord says that what follows b would continue a word. In strings of programs
// and JSON a word may follow a \n.
func endsInWord(b []byte) bool {
	if len(b) == 0 || bytes.HasSuffix(b, []byte(`\n`)) || bytes.HasSuffix(b, []byte(`\t`)) {
		return false
	}
	return strings.IndexByte(alphanum+"_", b[len(b)-1]) >= 0
}

// isPEM accepts the label of any private key with the begin of its body, as lines or
// as a string of a program. A label alone is in every program that reads keys.
func isPEM(_, after []byte) bool {
	label, rest, ok := bytes.Cut(after, []byte("-----"))
	kind := strings.TrimSuffix(string(label), " BLOCK")
	if !ok || len(kind) > 40 || !strings.HasSuffix(kind, "PRIVATE KEY") {
		return false
	}
	for range 8 { // "Proc-Type: 4,ENCRYPTED" and others may come first
		for {
			trimmed := bytes.TrimLeft(rest, " \t\r\n\"'`+,")
			trimmed = bytes.TrimPrefix(bytes.TrimPrefix(trimmed, []byte(`\r`)), []byte(`\n`))
			if len(trimmed) == len(rest) {
				break
			}
			rest = trimmed
		}
		end := bytes.IndexAny(rest, "\n\\")
		if end < 0 || !bytes.Contains(rest[:end], []byte(": ")) {
			break
		}
		rest = rest[end:]
	}
	body := run(rest, base64s)
	return len(body) >= 40 && isRandom(body[:min(len(body), 64)], 3)
}

// isAWSKey accepts the identifier of a key, which is public, with a secret nearby.
func isAWSKey(before, after []byte) bool {
	id := run(after, upper+digits)
	return len(id) == 16 && !endsInWord(before) && isRandom(id, 2.5) && (hasAWSSecret(after) || hasAWSSecret(before))
}

func isAWSSecret(_, after []byte) bool {
	return len(value(after)) == 40 && hasAWSSecret(value(after))
}

// hasAWSSecret says whether there is a word of 40 random characters of all kinds.
func hasAWSSecret(b []byte) bool {
	for len(b) > 0 {
		word := run(b, base64s)
		if len(word) == 40 && bytes.ContainsAny(word, upper) && bytes.ContainsAny(word, lower) &&
			bytes.ContainsAny(word, digits) && isRandom(word, 4.2) {
			return true
		}
		b = b[min(len(b), len(word)+1):]
	}
	return false
}

// azurite begins the key of Azure's storage emulator, which everybody knows.
const azurite = "Eby8vdM02xNOcqFlqUwJ"

func isAzureKey(_, after []byte) bool {
	key := run(after, base64s)
	return len(key) == 86 && !strings.HasPrefix(string(key), azurite) && isRandom(key, 4)
}

func isSlackToken(before, after []byte) bool {
	word := run(after, alphanum+"-")
	return !endsInWord(before) && len(word) >= 20 && bytes.ContainsAny(word, digits) && bytes.ContainsAny(word, lower+upper) && isRandom(word, 3)
}

// isRegistryAuth accepts what docker login writes: user and password in base64. A
// long password may reach beyond what is seen.
func isRegistryAuth(_, after []byte) bool {
	encoded := run(value(after), base64s)
	text, err := base64.RawStdEncoding.DecodeString(string(encoded[:len(encoded)/4*4+tail(len(encoded))]))
	user, password, ok := strings.Cut(string(text), ":")
	return err == nil && ok && user != "" && isPrintable(string(text)) && !isPlaceholder(password)
}

// tail is how many characters of base64 after the last full group of four mean
// something.
func tail(n int) int {
	if n%4 == 1 {
		return 0
	}
	return n % 4
}

func isPrintable(s string) bool {
	return utf8.ValidString(s) && strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
}

func isClientKey(_, after []byte) bool {
	key := run(value(after), base64s)
	return len(key) >= 40 && bytes.HasPrefix(key, []byte("LS0t")) // -----BEGIN
}

// isUserToken accepts the token of a kubeconfig's user.
func isUserToken(before, after []byte) bool {
	return bytes.HasSuffix(bytes.TrimRight(before, " \t\r\n"), []byte("user:")) && isToken(scalar(after))
}

// isNetrc accepts "machine HOST login NAME password" with a password, on one line or
// several.
func isNetrc(before, after []byte) bool {
	glued, before := cutLast(before)
	_, before = cutLast(before)
	login, before := cutLast(before)
	if len(glued) > 0 || string(login) != "login" || !bytes.ContainsAny(after[:min(1, len(after))], " \t") {
		return false
	}
	host, before := cutLast(before)
	machine, _ := cutLast(before)
	return string(machine) == "machine" && (bytes.ContainsAny(host, ".:") || string(host) == "localhost") &&
		!isPlaceholder(string(scalar(after)))
}

// cutLast cuts the word off at which b ends.
func cutLast(b []byte) (word, rest []byte) {
	const spaces = " \t\r\n"
	at := bytes.LastIndexAny(b, spaces) + 1
	return b[at:], bytes.TrimRight(b[:at], spaces)
}

// isAssigned accepts any value after a colon or an equals sign.
func isAssigned(_, after []byte) bool {
	v := value(after)
	return len(v) > 0 && !isPlaceholder(string(v))
}

// isHTTPCredentials accepts what follows the name of the header (RFC 9110, section
// 11.6.2), as in the configuration that CI systems write for git.
func isHTTPCredentials(_, after []byte) bool {
	scheme, rest, ok := bytes.Cut(after, []byte(" "))
	if !ok || !bytes.EqualFold(scheme, []byte("basic")) && !bytes.EqualFold(scheme, []byte("bearer")) {
		return false
	}
	word := run(rest, urlsafe+"+/.~=")
	return len(word) >= 16 && isRandom(word, 3) && !isPlaceholder(string(word))
}

// isAssignedToken accepts a token after a colon or an equals sign.
func isAssignedToken(_, after []byte) bool { return isToken(value(after)) }

func isToken(v []byte) bool { return len(v) >= 16 && !isPlaceholder(string(v)) }

// value is what is assigned at the begin of b: as in JSON, YAML and INI files, with
// a quote that closes the key in front.
func value(b []byte) []byte {
	b = bytes.TrimLeft(bytes.TrimLeft(b, `"'`), " \t")
	if len(b) == 0 || b[0] != ':' && b[0] != '=' {
		return nil
	}
	return scalar(b[1:])
}

// scalar is the value at the begin of b.
func scalar(b []byte) []byte {
	b = bytes.TrimLeft(b, " \t")
	if len(b) > 0 && (b[0] == '"' || b[0] == '\'') {
		b = b[1:]
	}
	if end := bytes.IndexAny(b, "\"', \t\r\n}"); end >= 0 {
		return b[:end]
	}
	return b
}
