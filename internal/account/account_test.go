package account

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	alpinePasswd = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/sbin/nologin\nnginx:x:101:102:nginx:/var/cache/nginx:/sbin/nologin\n"
	alpineGroup  = "root:x:0:root\nstaff:x:50:\nnginx:x:102:\nnobody:x:65534:\n"
)

func spec(t *testing.T, text string) Spec {
	t.Helper()
	s, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestParse(t *testing.T) {
	for text, want := range map[string]Spec{
		"appuser":       {Name: "appuser", UID: -1, GID: -1},
		"appuser:staff": {Name: "appuser", Group: "staff", UID: -1, GID: -1},
		"_a-1":          {Name: "_a-1", UID: -1, GID: -1},
	} {
		if got, err := Parse(text); err != nil || got != want {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
	for _, bad := range []string{
		"", ":", "a:", ":a", "a:b:c", "1000", "1000:1000", "a:1000", "A", "a b", "-a", "a\n", "a\nroot:x:0:0", "ä", "a$", strings.Repeat("a", 33),
	} {
		if _, err := Parse(bad); !isA[*SpecError](err) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func isA[E error](err error) bool { _, ok := errors.AsType[E](err); return ok }

func TestResolve(t *testing.T) {
	added := func(content, line string) []byte { return []byte(content + line + "\n") }
	for name, c := range map[string]struct {
		spec          Spec
		passwd, group string
		want          Result
	}{
		"known": {spec(t, "nginx"), alpinePasswd, alpineGroup,
			Result{UID: 101, GID: 102, Home: "/var/cache/nginx"}},
		"known, with what it has": {Spec{Name: "nginx", UID: 101, GID: 102, Home: "/var/cache/nginx"}, alpinePasswd, alpineGroup,
			Result{UID: 101, GID: 102, Home: "/var/cache/nginx"}},
		"known, another group": {spec(t, "nginx:staff"), alpinePasswd, alpineGroup,
			Result{UID: 101, GID: 50, Home: "/var/cache/nginx"}},
		"known, a new group": {spec(t, "nginx:web"), alpinePasswd, alpineGroup,
			Result{UID: 101, GID: 101, Home: "/var/cache/nginx", Created: true, Group: added(alpineGroup, "web:x:101:")}},
		"new": {spec(t, "app"), alpinePasswd, alpineGroup, Result{
			UID: 10001, GID: 10001, Home: "/home/app", MakeHome: true, Created: true,
			Passwd: added(alpinePasswd, "app:x:10001:10001::/home/app:/sbin/nologin"), Group: added(alpineGroup, "app:x:10001:")}},
		"new, in a group of the base's": {spec(t, "app:staff"), alpinePasswd, alpineGroup, Result{
			UID: 10001, GID: 50, Home: "/home/app", MakeHome: true, Created: true,
			Passwd: added(alpinePasswd, "app:x:10001:50::/home/app:/sbin/nologin")}},
		"new, its group is there": {spec(t, "staff"), alpinePasswd, alpineGroup, Result{
			UID: 10001, GID: 50, Home: "/home/staff", MakeHome: true, Created: true,
			Passwd: added(alpinePasswd, "staff:x:10001:50::/home/staff:/sbin/nologin")}},
		"new, all said": {Spec{Name: "app", Group: "web", UID: 7, GID: 8, Home: "/"}, alpinePasswd, alpineGroup, Result{
			UID: 7, GID: 8, Home: "/", Created: true,
			Passwd: added(alpinePasswd, "app:x:7:8::/:/sbin/nologin"), Group: added(alpineGroup, "web:x:8:")}},
		"new, the number of a group of the base's": {Spec{Name: "app", UID: 7, GID: 50}, alpinePasswd, alpineGroup, Result{
			UID: 7, GID: 50, Home: "/home/app", MakeHome: true, Created: true,
			Passwd: added(alpinePasswd, "app:x:7:50::/home/app:/sbin/nologin")}},
		"new, whose number is a group's": {Spec{Name: "app", UID: 50, GID: -1}, alpinePasswd, alpineGroup, Result{
			UID: 50, GID: 10001, Home: "/home/app", MakeHome: true, Created: true,
			Passwd: added(alpinePasswd, "app:x:50:10001::/home/app:/sbin/nologin"), Group: added(alpineGroup, "app:x:10001:")}},
		"numbers in use": {spec(t, "app"), "a:x:10001:10003::/:/x\n", "b:x:10002:\n", Result{
			UID: 10004, GID: 10004, Home: "/home/app", MakeHome: true, Created: true,
			Passwd: []byte("a:x:10001:10003::/:/x\napp:x:10004:10004::/home/app:/sbin/nologin\n"), Group: []byte("b:x:10002:\napp:x:10004:\n")}},
		"empty files": {spec(t, "app"), "", "", Result{
			UID: 10001, GID: 10001, Home: "/home/app", MakeHome: true, Created: true,
			Passwd: []byte("app:x:10001:10001::/home/app:/sbin/nologin\n"), Group: []byte("app:x:10001:\n")}},
		"root where there is none": {spec(t, "root"), "", "", Result{
			UID: 0, GID: 0, Home: "/root", MakeHome: true, Created: true,
			Passwd: []byte("root:x:0:0::/root:/sbin/nologin\n"), Group: []byte("root:x:0:\n")}},
		"nobody where there is none": {spec(t, "nobody"), "", "", Result{
			UID: 65534, GID: 65534, Home: "/nonexistent", Created: true,
			Passwd: []byte("nobody:x:65534:65534::/nonexistent:/sbin/nologin\n"), Group: []byte("nobody:x:65534:\n")}},
		"malformed lines stay, the first of a name counts": {
			spec(t, "app"), "# comment\n\napp:x:zzz:1::/:/x\napp:x:-5:1::/:/x\napp:x:5\n:x:1:1::/:/x\napp:x:99999999999:1::/:/x\napp:x:5:6::/h:/x\napp:x:7:8::/:/x\n\xff+::::::", "", Result{UID: 5, GID: 6, Home: "/h"}},
		"no newline at the end": {spec(t, "app:staff"), "root:x:0:0::/:/x", alpineGroup, Result{
			UID: 10001, GID: 50, Home: "/home/app", MakeHome: true, Created: true,
			Passwd: []byte("root:x:0:0::/:/x\napp:x:10001:50::/home/app:/sbin/nologin\n")}},
	} {
		got, err := Resolve(c.spec, []byte(c.passwd), []byte(c.group))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestConflicts(t *testing.T) {
	for _, c := range []struct {
		spec Spec
		want string
	}{
		{Spec{Name: "nginx", UID: 7, GID: -1}, "user nginx has the uid 101 in the base, not 7"},
		{Spec{Name: "nginx", UID: -1, GID: 7}, "user nginx has the gid 102 in the base, not 7"},
		{Spec{Name: "nginx", UID: -1, GID: -1, Home: "/x"}, `user nginx has the home "/var/cache/nginx" in the base, not /x`},
		{Spec{Name: "nginx", Group: "staff", UID: -1, GID: 7}, "group staff has the gid 50 in the base, not 7"},
		{Spec{Name: "app", UID: 101, GID: -1}, "user app can't have the uid 101: in the base, user nginx has it"},
		{Spec{Name: "app", Group: "web", UID: -1, GID: 50}, "group web can't have the gid 50: in the base, group staff has it"},
		{Spec{Name: "staff", UID: -1, GID: 7}, "group staff has the gid 50 in the base, not 7"},
	} {
		_, err := Resolve(c.spec, []byte(alpinePasswd), []byte(alpineGroup))
		if !isA[*ConflictError](err) || err.Error() != c.want {
			t.Errorf("%+v: %v, want %q", c.spec, err, c.want)
		}
	}
}

func TestBadSpecs(t *testing.T) {
	for _, s := range []Spec{
		{Name: "a", UID: -2, GID: -1}, {Name: "a", UID: -1, GID: -3}, {Name: "a:b", UID: 1, GID: 1}, {Name: "a", Group: "b\n"},
		{Name: "a", Home: "home"}, {Name: "a", Home: "/a:/b"}, {Name: "a", Home: "/a\nroot"}, {Name: "a", Home: "/a/../b"},
		{Name: "a", Home: "/a/"}, {Name: "a", Home: "//a"}, {Name: "a", Home: "/a\x00"}, {Name: "a", Home: "/a\u2028"},
	} {
		if _, err := Resolve(s, nil, nil); !isA[*SpecError](err) {
			t.Errorf("%+v: %v", s, err)
		}
	}
}

func FuzzResolve(f *testing.F) {
	f.Add("app", "", -1, -1, "", []byte(alpinePasswd), []byte(alpineGroup))
	f.Add("nginx", "web", -1, 7, "/srv", []byte(alpinePasswd), []byte("x"))
	f.Add("a", "b", 10001, 10001, "/x", []byte("a:x:1:\nb"), []byte("\nb:x:10001"))
	f.Fuzz(func(t *testing.T, name, group string, uid, gid int, home string, passwd, groups []byte) {
		s := Spec{Name: name, Group: group, UID: uid, GID: gid, Home: home}
		r, err := Resolve(s, passwd, groups)
		if err != nil {
			if !isA[*SpecError](err) && !isA[*ConflictError](err) {
				t.Fatal(err)
			}
			return
		}
		newPasswd, newGroups := grown(t, passwd, r.Passwd), grown(t, groups, r.Group)
		if r.Created != (r.Passwd != nil || r.Group != nil) || uid >= 0 && r.UID != uid || gid >= 0 && r.GID != gid || home != "" && r.Home != home {
			t.Fatalf("%+v is %+v", s, r)
		}
		again, err := Resolve(s, newPasswd, newGroups)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(Result{UID: r.UID, GID: r.GID, Home: r.Home}, again); diff != "" {
			t.Fatalf("resolved again (-first +second):\n%s", diff)
		}
	})
}

// grown returns what a file is afterwards: the old bytes and at most one line more.
func grown(t *testing.T, old, whole []byte) []byte {
	if whole == nil {
		return old
	}
	rest, ok := bytes.CutPrefix(whole, old)
	if len(old) > 0 && !bytes.HasSuffix(old, []byte("\n")) {
		rest, _ = bytes.CutPrefix(rest, []byte("\n"))
	}
	if !ok || bytes.Count(rest, []byte("\n")) != 1 || !bytes.HasSuffix(rest, []byte("\n")) {
		t.Fatalf("%q became %q", old, whole)
	}
	return whole
}
