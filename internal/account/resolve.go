package account

import (
	"cmp"
	"fmt"
)

// firstID is the number of the first user that is chosen. It is above those that
// distributions give to their own and below those of directory services, and high
// enough for policies that want users of the host excluded.
const firstID = 10001

// wellKnown is what names mean everywhere, in a base without an entry for them too:
// the number of the user and its group, and the home directory.
func wellKnown(name string) (id int, home string, ok bool) {
	switch name {
	case "root":
		return 0, "/root", true
	case "nobody":
		return nobody, nowhere, true
	}
	return 0, "", false
}

const nobody = 65534

// nowhere is the home directory of users without one.
const nowhere = "/nonexistent"

// Result is what a user is.
type Result struct {
	UID, GID int
	Created  bool   // an entry for the user or the group is missing in the base
	Passwd   []byte // the whole new /etc/passwd; nil where it stays as it is
	Group    []byte // the whole new /etc/group; nil where it stays as it is
	Home     string // home directory, absolute; empty where the base's entry names none
	MakeHome bool   // the user is new and needs its home directory, unless the base has it
}

// ConflictError says that the base knows a user, a group or a number as something
// else than what was asked for.
type ConflictError struct {
	What string // "user", "group": whose property it is
	Name string // of the user or group that was asked for
	Prop string // "uid", "gid" or "home"
	Want string // as asked for
	Have string // what the base has instead; empty where the number is another's
	User string // whose the number is in the base, if that is the conflict
}

func (e *ConflictError) Error() string {
	if e.Have == "" {
		return fmt.Sprintf("%s %s can't have the %s %s: in the base, %s has it", e.What, e.Name, e.Prop, e.Want, e.User)
	}
	return fmt.Sprintf("%s %s has the %s %s in the base, not %s", e.What, e.Name, e.Prop, e.Have, e.Want)
}

// Resolve looks a user up in the contents of the base's /etc/passwd and /etc/group,
// which may be nil, and adds what is missing.
//
// A user that there is keeps its number and group; a group that is asked for and
// differs becomes the group that the image runs with, as it would for "USER
// name:group" in a Dockerfile. A new user gets 10001 or the next number that is
// neither a user's nor a group's, and a group of its own with the same number.
//
// Errors: [*SpecError], [*ConflictError].
func Resolve(spec Spec, passwd, group []byte) (Result, error) {
	if err := spec.check(); err != nil {
		return Result{}, err
	}
	users, groups := parseDatabase(passwd, passwdFields), parseDatabase(group, groupFields)
	r := Result{}
	var err error
	if user, ok := users.byName(spec.Name); ok {
		r, err = spec.existing(user, users, groups)
	} else {
		r, err = spec.create(users, groups)
	}
	if err != nil {
		return Result{}, err
	}
	r.Passwd, r.Group = users.whole(), groups.whole()
	r.Created = users.changed || groups.changed
	return r, nil
}

func (s Spec) existing(user entry, users, groups *database) (Result, error) {
	if s.UID >= 0 && s.UID != user.id {
		return Result{}, &ConflictError{What: "user", Name: s.Name, Prop: "uid", Want: fmt.Sprint(s.UID), Have: fmt.Sprint(user.id)}
	}
	if s.Home != "" && s.Home != user.home {
		return Result{}, &ConflictError{What: "user", Name: s.Name, Prop: "home", Want: s.Home, Have: fmt.Sprintf("%q", user.home)}
	}
	r := Result{UID: user.id, GID: user.gid, Home: user.home}
	switch {
	case s.Group != "":
		var err error
		r.GID, err = s.group(s.Group, user.id, users, groups)
		return r, err
	case s.GID >= 0 && s.GID != user.gid:
		return Result{}, &ConflictError{What: "user", Name: s.Name, Prop: "gid", Want: fmt.Sprint(s.GID), Have: fmt.Sprint(user.gid)}
	}
	return r, nil
}

func (s Spec) create(users, groups *database) (Result, error) {
	uid := s.UID
	knownID, knownHome, ok := wellKnown(s.Name)
	if ok && uid < 0 {
		uid = knownID
	}
	if uid < 0 {
		uid = free(users, groups)
	} else if other, taken := users.byID(uid); taken {
		return Result{}, &ConflictError{What: "user", Name: s.Name, Prop: "uid", Want: fmt.Sprint(uid), User: "user " + other.name}
	}
	gid, err := s.newUsersGroup(uid, users, groups)
	if err != nil {
		return Result{}, err
	}
	home := cmp.Or(s.Home, knownHome, "/home/"+s.Name)
	users.add(entry{name: s.Name, id: uid, gid: gid, home: home}, "%s:x:%d:%d::%s:/sbin/nologin", s.Name, uid, gid, home)
	return Result{UID: uid, GID: gid, Home: home, MakeHome: home != "/" && home != nowhere}, nil
}

// newUsersGroup returns the number of a new user's group. A number that is a group's
// already, under whatever name, needs no group of its own.
func (s Spec) newUsersGroup(uid int, users, groups *database) (int, error) {
	if s.Group != "" {
		return s.group(s.Group, uid, users, groups)
	}
	if _, exists := groups.byName(s.Name); !exists && s.GID >= 0 {
		if _, taken := groups.byID(s.GID); taken {
			return s.GID, nil
		}
	}
	return s.group(s.Name, uid, users, groups)
}

// group returns the number of a group, which is added where there is none of the
// name: with the number that was asked for, that of the user, or the next free one.
func (s Spec) group(name string, uid int, users, groups *database) (int, error) {
	if g, ok := groups.byName(name); ok {
		if s.GID >= 0 && s.GID != g.id {
			return 0, &ConflictError{What: "group", Name: name, Prop: "gid", Want: fmt.Sprint(s.GID), Have: fmt.Sprint(g.id)}
		}
		return g.id, nil
	}
	gid := s.GID
	if id, _, ok := wellKnown(name); ok && gid < 0 {
		gid = id
	}
	if gid >= 0 {
		if other, taken := groups.byID(gid); taken {
			return 0, &ConflictError{What: "group", Name: name, Prop: "gid", Want: fmt.Sprint(gid), User: "group " + other.name}
		}
	} else if _, taken := groups.byID(uid); !taken {
		gid = uid
	} else {
		gid = free(users, groups)
	}
	groups.add(entry{name: name, id: gid}, "%s:x:%d:", name, gid)
	return gid, nil
}

// free returns the first number from firstID on that is neither a user's, nor a
// user's group's, nor a group's.
func free(users, groups *database) int {
	taken := map[int]bool{nobody: true}
	for _, u := range users.entries {
		taken[u.id], taken[u.gid] = true, true
	}
	for _, g := range groups.entries {
		taken[g.id] = true
	}
	id := firstID
	for taken[id] {
		id++
	}
	return id
}
