/* SPDX-License-Identifier: MIT */
/* Stores the state of a KMS in two LMDB files: keys.mdb, synced to disk by each write, and seen.mdb
 * with the messages seen, synced by kms_store_disk_sync. */
#include "control/kms/store.h"

#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/b64.h"
#include "base/mem.h"
#include "base/str.h"
#include "control/kms/seal.h"
#include "control/net/private_file.h"
#include "keyctx/prim.h"

enum {
	MASTER_LEN = 32,
	PATH_ROOM = 512,
	SEEN_KEY_LEN = 8 + 32,
	FLOOR_KEY_LEN = 8,
};
/* Size of the address space of keys.mdb; entries use disk and memory only as needed. */
static const size_t keys_bytes = (size_t)1 << 28;
/*
 * Size of seen.mdb: an entry takes about 75 octets; the rest is for pages that are partly filled
 * and for the copies that a deletion writes. LMDB cannot even delete in a full map, so the number
 * of entries is limited and the map never becomes full.
 */
static const size_t seen_max_default = 10000000, seen_entry_bytes = 320,
		    seen_spare_bytes = (size_t)1 << 24;

struct kms_store_disk {
	char path[PATH_ROOM];
	int lock_fd; /* holds the lock on the directory; -1: none */
	MDB_env *keys, *seen;
	MDB_dbi buckets[KMS_BUCKETS], seen_db;
	size_t seen_max;
	/* messages whose T is before this may have been forgotten; kept in seen.mdb under
	 * `floor_key`, which `has_floor` says */
	uint64_t floor_ns;
	bool has_floor;
	uint8_t *wrap; /* secret memory: SEAL_KEY_LEN octets */
};

static enum err from_lmdb(int rc)
{
	static const struct {
		int theirs;
		enum err ours;
	} table[] = {
		{MDB_SUCCESS, ERR_OK},      {MDB_NOTFOUND, ERR_NOT_FOUND},
		{MDB_KEYEXIST, ERR_REPLAY}, {MDB_MAP_FULL, ERR_LIMIT},
		{ENOMEM, ERR_NOMEM},        {ENOSPC, ERR_LIMIT},
		{EFBIG, ERR_LIMIT},         {EDQUOT, ERR_LIMIT},
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (table[i].theirs == rc)
			return table[i].ours;
	return ERR_IO;
}

/* --- what the KMS calls ----------------------------------------------------- */

static void seen_key(uint64_t wall_ns, const uint8_t key[32], uint8_t out[SEEN_KEY_LEN])
{
	struct wr w = wr_make(out, SEEN_KEY_LEN);

	/* The key begins with the time, big-endian, so that LMDB sorts the oldest entry first, and
	 * `forget` deletes from there. */
	wr_u64(&w, wall_ns);
	wr_octets(&w, key, 32);
}

/* Sorts behind the key of every message. */
static uint8_t floor_key[FLOOR_KEY_LEN] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

static int write_floor(const struct kms_store_disk *s, MDB_txn *txn, uint64_t floor_ns)
{
	uint8_t octets[8];
	struct wr w = wr_make(octets, sizeof(octets));
	MDB_val k = {FLOOR_KEY_LEN, floor_key}, v = {sizeof(octets), octets};

	wr_u64(&w, floor_ns);
	return mdb_put(txn, s->seen_db, &k, &v, 0);
}

static int read_floor(struct kms_store_disk *s, MDB_txn *txn)
{
	MDB_val k = {FLOOR_KEY_LEN, floor_key}, v;
	int rc = mdb_get(txn, s->seen_db, &k, &v);

	if (!rc) {
		struct rd r = rd_make(v.mv_data, v.mv_size);

		s->floor_ns = rd_u64(&r);
		s->has_floor = true;
	}
	return rc == MDB_NOTFOUND ? 0 : rc;
}

static enum err remember(void *arg, uint64_t wall_ns, const uint8_t key[32])
{
	struct kms_store_disk *s = arg;
	uint8_t octets[SEEN_KEY_LEN];
	MDB_stat stat;
	MDB_val k = {sizeof(octets), octets}, v = {0, NULL};
	MDB_txn *txn;
	int rc;

	if (wall_ns < s->floor_ns)
		return ERR_EXPIRED;
	rc = mdb_txn_begin(s->seen, NULL, 0, &txn);
	if (rc)
		return from_lmdb(rc);
	seen_key(wall_ns, key, octets);
	rc = mdb_stat(txn, s->seen_db, &stat);
	if (!rc && stat.ms_entries - s->has_floor >= s->seen_max)
		rc = mdb_get(txn, s->seen_db, &k, &v) ? MDB_MAP_FULL : MDB_KEYEXIST;
	if (!rc)
		rc = mdb_put(txn, s->seen_db, &k, &v, MDB_NOOVERWRITE);
	if (rc) {
		mdb_txn_abort(txn);
		return from_lmdb(rc);
	}
	return from_lmdb(mdb_txn_commit(txn));
}

/* Opens a transaction with a cursor on one table. The caller closes the cursor before the
 * transaction ends. */
static int begin_walk(MDB_env *env, MDB_dbi dbi, unsigned flags, MDB_txn **txn, MDB_cursor **cursor)
{
	int rc = mdb_txn_begin(env, NULL, flags, txn);

	if (rc)
		return rc;
	rc = mdb_cursor_open(*txn, dbi, cursor);
	if (rc)
		mdb_txn_abort(*txn);
	return rc;
}

static enum err forget(void *arg, uint64_t wall_ns, size_t max, size_t *n)
{
	struct kms_store_disk *s = arg;
	MDB_txn *txn;
	MDB_cursor *cursor;
	MDB_val k, v;
	size_t gone = 0;
	uint64_t t = 0;
	int rc = begin_walk(s->seen, s->seen_db, 0, &txn, &cursor);

	if (rc)
		return from_lmdb(rc);
	for (; gone < max && mdb_cursor_get(cursor, &k, &v, MDB_FIRST) == 0; gone++) {
		struct rd r = rd_make(k.mv_data, k.mv_size);
		uint64_t of_entry = rd_u64(&r);

		if (of_entry >= wall_ns)
			break;
		rc = mdb_cursor_del(cursor, 0);
		if (rc)
			break;
		t = of_entry;
	}
	mdb_cursor_close(cursor);
	/* In the same transaction: what is removed can no longer be recognised. */
	if (!rc && gone)
		rc = write_floor(s, txn, t + 1);
	if (rc)
		mdb_txn_abort(txn);
	else
		rc = mdb_txn_commit(txn);
	if (!rc && gone) {
		s->floor_ns = t + 1;
		s->has_floor = true;
	}
	if (!rc)
		*n = gone;
	return from_lmdb(rc);
}

static size_t count(void *arg)
{
	struct kms_store_disk *s = arg;
	MDB_stat stat = {0};

	return mdb_env_stat(s->seen, &stat) ? 0 : stat.ms_entries - s->has_floor;
}

static enum err put(void *arg, enum kms_bucket bucket, struct view key, struct view value)
{
	struct kms_store_disk *s = arg;
	MDB_val k = {key.n, (void *)(uintptr_t)key.p}, v = {SEAL_TAG_LEN + value.n, NULL};
	MDB_txn *txn;
	enum err e;
	int rc;

	if (value.n > SEAL_VALUE_MAX)
		return ERR_TOO_BIG;
	rc = mdb_txn_begin(s->keys, NULL, 0, &txn);
	if (rc)
		return from_lmdb(rc);
	rc = mdb_put(txn, s->buckets[bucket], &k, &v, MDB_RESERVE);
	e = rc ? from_lmdb(rc) : seal(s->wrap, bucket, key, value, v.mv_data);
	if (e) {
		mdb_txn_abort(txn);
		return e;
	}
	return from_lmdb(mdb_txn_commit(txn));
}

static enum err get(void *arg, enum kms_bucket bucket, struct view key, struct secret *value)
{
	struct kms_store_disk *s = arg;
	MDB_val k = {key.n, (void *)(uintptr_t)key.p}, v;
	MDB_txn *txn;
	int rc = mdb_txn_begin(s->keys, NULL, MDB_RDONLY, &txn);
	enum err e;

	if (rc)
		return from_lmdb(rc);
	rc = mdb_get(txn, s->buckets[bucket], &k, &v);
	e = rc ? from_lmdb(rc)
	       : unseal(s->wrap, bucket, key, (struct view){v.mv_data, v.mv_size}, value);
	mdb_txn_abort(txn);
	return e;
}

static enum err discard(void *arg, enum kms_bucket bucket, struct view key)
{
	struct kms_store_disk *s = arg;
	MDB_val k = {key.n, (void *)(uintptr_t)key.p};
	MDB_txn *txn;
	int rc = mdb_txn_begin(s->keys, NULL, 0, &txn);

	if (rc)
		return from_lmdb(rc);
	rc = mdb_del(txn, s->buckets[bucket], &k, NULL);
	if (rc && rc != MDB_NOTFOUND) {
		mdb_txn_abort(txn);
		return from_lmdb(rc);
	}
	return from_lmdb(mdb_txn_commit(txn));
}

/* Six parameters, because kms_store_ops.next has them. */
static enum err next(void *arg, enum kms_bucket bucket, struct view after, uint8_t *key,
                     size_t *key_n, struct secret *value)
{
	struct kms_store_disk *s = arg;
	MDB_val k = {after.n, (void *)(uintptr_t)after.p}, v;
	MDB_txn *txn;
	MDB_cursor *cursor;
	enum err e;
	int rc = begin_walk(s->keys, s->buckets[bucket], MDB_RDONLY, &txn, &cursor);

	if (rc)
		return from_lmdb(rc);
	rc = mdb_cursor_get(cursor, &k, &v, after.n ? MDB_SET_RANGE : MDB_FIRST);
	if (!rc && k.mv_size == after.n && memcmp(k.mv_data, after.p, after.n) == 0)
		rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT);
	e = rc ? from_lmdb(rc) : k.mv_size > KMS_STORE_KEY_MAX ? ERR_TOO_BIG : ERR_OK;
	if (!e)
		e = unseal(s->wrap, bucket, (struct view){k.mv_data, k.mv_size},
		           (struct view){v.mv_data, v.mv_size}, value);
	if (!e) {
		memcpy(key, k.mv_data, k.mv_size);
		*key_n = k.mv_size;
	}
	mdb_cursor_close(cursor);
	mdb_txn_abort(txn);
	return e;
}

static enum err each(void *arg, enum kms_bucket bucket, kms_store_fn *fn, void *fn_arg)
{
	struct kms_store_disk *s = arg;
	MDB_txn *txn;
	MDB_cursor *cursor;
	MDB_val k, v;
	struct secret plain = {0};
	enum err e = ERR_OK;
	int rc = begin_walk(s->keys, s->buckets[bucket], MDB_RDONLY, &txn, &cursor);

	if (rc)
		return from_lmdb(rc);
	while (!e && mdb_cursor_get(cursor, &k, &v, MDB_NEXT) == 0) {
		struct view key = {k.mv_data, k.mv_size};

		e = unseal(s->wrap, bucket, key, (struct view){v.mv_data, v.mv_size}, &plain);
		if (!e)
			e = fn(fn_arg, key, (struct view){plain.octets, plain.len});
	}
	secret_clear(&plain);
	mdb_cursor_close(cursor);
	mdb_txn_abort(txn);
	return e;
}

static const struct kms_store_ops disk_ops = {
	.remember = remember,
	.forget = forget,
	.count = count,
	.put = put,
	.get = get,
	.remove = discard,
	.next = next,
	.each = each,
};

struct kms_store kms_store_disk_use(struct kms_store_disk *s)
{
	return (struct kms_store){.ops = &disk_ops, .arg = s, .seen_max = s->seen_max};
}

enum err kms_store_disk_sync(struct kms_store_disk *s)
{
	return from_lmdb(mdb_env_sync(s->seen, 1));
}

/* --- opening ---------------------------------------------------------------- */

static enum err path_in(const char *dir, const char *name, char out[PATH_ROOM], struct why *why)
{
	int n = snprintf(out, PATH_ROOM, "%s/%s", dir, name);

	return n > 0 && n < PATH_ROOM ? ERR_OK
	                              : why_fail(why, ERR_TOO_BIG,
	                                         "state directory %s: the path is too long", dir);
}

static enum err lock_dir(struct kms_store_disk *s, struct why *why)
{
	char path[PATH_ROOM];
	enum err e = path_in(s->path, "lock", path, why);

	if (e)
		return e;
	if (mkdir(s->path, 0700) && errno != EEXIST)
		return why_fail(why, ERR_IO, "cannot create the state directory %s: %s", s->path,
		                strerror(errno));
	s->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (s->lock_fd < 0)
		return why_fail(why, ERR_IO, "cannot open the lock file %s: %s", path,
		                strerror(errno));
	if (flock(s->lock_fd, LOCK_EX | LOCK_NB))
		return why_fail(why, ERR_BUSY, "state directory %s is used by another process",
		                s->path);
	return ERR_OK;
}

static enum err write_master(const char *path, const uint8_t key[MASTER_LEN], struct why *why)
{
	char text[2 * MASTER_LEN + 2];
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	bool ok;

	if (fd < 0)
		return why_fail(why, ERR_IO, "cannot create the master key file %s: %s", path,
		                strerror(errno));
	CHECK(hex_encode(key, MASTER_LEN, text, sizeof(text)) == ERR_OK);
	text[2 * MASTER_LEN] = '\n';
	ok = write(fd, text, 2 * MASTER_LEN + 1) == 2 * MASTER_LEN + 1 && fsync(fd) == 0;
	secret_wipe(text, sizeof(text));
	close(fd);
	return ok ? ERR_OK
	          : why_fail(why, ERR_IO, "cannot write the master key file %s: %s", path,
	                     strerror(errno));
}

static enum err read_master(const char *path, uint8_t key[MASTER_LEN], struct why *why)
{
	char text[2 * MASTER_LEN + 2];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text));
	size_t len = 0;
	enum err e = ERR_OK;

	if (n < 0)
		e = why_fail(why, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO,
		             "cannot read the master key file %s: %s", path, strerror(errno));
	else if (n == MASTER_LEN)
		memcpy(key, text, MASTER_LEN);
	else if (n < 2 * MASTER_LEN ||
	         hex_decode(str_make(text, 2 * MASTER_LEN), key, MASTER_LEN, &len))
		e = why_fail(why, ERR_INVALID,
		             "the master key file %s must have 32 octets, or 64 hexadecimal digits",
		             path);
	if (fd >= 0)
		close(fd);
	secret_wipe(text, sizeof(text));
	return e;
}

static enum err load_master(struct kms_store_disk *s, const char *file, bool is_new,
                            struct why *why)
{
	static const char *const labels[] = {"sluice kms wrap encrypt",
	                                     "sluice kms wrap authenticate"};
	char path[PATH_ROOM];
	uint8_t *master = secret_alloc(MASTER_LEN);
	enum err e = master && s->wrap ? ERR_OK : why_fail(why, ERR_NOMEM, "out of memory");

	if (!e && !file)
		e = path_in(s->path, "master.key", path, why);
	if (e)
		goto out;
	if (!file && is_new && access(path, F_OK)) {
		e = prim_random(master, MASTER_LEN);
		e = e ? why_fail(why, e, "cannot get random octets for the master key")
		      : write_master(path, master, why);
	} else {
		e = private_file_check(file ? file : path, why);
		if (!e)
			e = read_master(file ? file : path, master, why);
	}
	for (size_t i = 0; !e && i < ARRAY_LEN(labels); i++)
		e = prim_hmac(PRIM_SHA256, (struct view){master, MASTER_LEN},
		              &(struct view){(const uint8_t *)labels[i], strlen(labels[i])}, 1,
		              s->wrap + 32 * i);
out:
	secret_free(master);
	return e;
}

struct env_config {
	const char *dir, *name;
	size_t map_bytes;
	unsigned flags;
};

static enum err open_env(MDB_env **out, const struct env_config *c, struct why *why)
{
	char path[PATH_ROOM];
	enum err e = path_in(c->dir, c->name, path, why);
	int rc;

	if (e)
		return e;
	rc = mdb_env_create(out);
	if (!rc)
		rc = mdb_env_set_mapsize(*out, c->map_bytes);
	if (!rc)
		rc = mdb_env_set_maxdbs(*out, KMS_BUCKETS);
	if (!rc)
		rc = mdb_env_open(*out, path, MDB_NOSUBDIR | MDB_NOTLS | c->flags, 0600);
	return rc ? why_fail(why, ERR_IO, "cannot open the state file %s: %s", path,
	                     mdb_strerror(rc))
	          : ERR_OK;
}

static enum err open_buckets(struct kms_store_disk *s, struct why *why)
{
	static const char *const names[] = {
		[KMS_BUCKET_TPK] = "tpk", [KMS_BUCKET_NAF] = "naf", [KMS_BUCKET_USER] = "user"};
	MDB_txn *txn;
	int rc = mdb_txn_begin(s->keys, NULL, 0, &txn);

	for (unsigned i = 0; !rc && i < KMS_BUCKETS; i++)
		rc = mdb_dbi_open(txn, names[i], MDB_CREATE, &s->buckets[i]);
	if (!rc)
		rc = mdb_txn_commit(txn);
	if (!rc)
		rc = mdb_txn_begin(s->seen, NULL, 0, &txn);
	if (!rc)
		rc = mdb_dbi_open(txn, NULL, 0, &s->seen_db);
	if (!rc)
		rc = read_floor(s, txn);
	if (!rc)
		rc = mdb_txn_commit(txn);
	return rc ? why_fail(why, ERR_IO, "cannot open the state in directory %s: %s", s->path,
	                     mdb_strerror(rc))
	          : ERR_OK;
}

static enum err touch_entry(void *arg, struct view key, struct view value)
{
	(void)arg;
	(void)key;
	(void)value;
	return ERR_OK;
}

enum err kms_store_disk_open(struct kms_store_disk **out, const struct kms_store_disk_config *c,
                             struct why *why)
{
	struct kms_store_disk *s = mem_alloc(sizeof(*s));
	char keys_path[PATH_ROOM];
	bool is_new;
	enum err e;

	if (!s)
		return why_fail(why, ERR_NOMEM, "out of memory");
	s->lock_fd = -1;
	s->seen_max = c->seen_max ? c->seen_max : seen_max_default;
	s->wrap = secret_alloc(SEAL_KEY_LEN);
	e = str_copy(str_of(c->path), s->path, sizeof(s->path));
	if (!e)
		e = path_in(c->path, "keys.mdb", keys_path, why);
	if (!e)
		e = lock_dir(s, why);
	if (e)
		goto out;
	is_new = access(keys_path, F_OK) != 0;
	e = load_master(s, c->master_file, is_new, why);
	if (!e)
		e = open_env(&s->keys,
		             &(struct env_config){
				     .dir = s->path,
				     .name = "keys.mdb",
				     .map_bytes = keys_bytes,
			     },
		             why);
	if (!e)
		e = open_env(&s->seen,
		             &(struct env_config){
				     .dir = s->path,
				     .name = "seen.mdb",
				     .map_bytes = s->seen_max * seen_entry_bytes + seen_spare_bytes,
				     .flags = MDB_NOSYNC,
			     },
		             why);
	if (!e)
		e = open_buckets(s, why);
	/* Decrypt every value once, to find a wrong master key at the start. */
	for (unsigned i = 0; !e && i < KMS_BUCKETS; i++) {
		e = each(s, i, touch_entry, NULL);
		if (e == ERR_AUTH)
			why_fail(why, e,
			         "state directory %s: wrong master key, the keys in it cannot be "
			         "decrypted",
			         c->path);
	}
	if (e)
		goto out;
	*out = s;
	return ERR_OK;
out:
	kms_store_disk_close(s);
	return e;
}

void kms_store_disk_close(struct kms_store_disk *s)
{
	if (!s)
		return;
	if (s->seen) {
		mdb_env_sync(s->seen, 1);
		mdb_env_close(s->seen);
	}
	if (s->keys)
		mdb_env_close(s->keys);
	secret_free(s->wrap);
	if (s->lock_fd >= 0)
		close(s->lock_fd);
	mem_free(s);
}

enum err kms_store_disk_backup(const char *from, const char *to, struct why *why)
{
	static const char *const files[] = {"keys.mdb", "seen.mdb"};
	char source[PATH_ROOM], copy[PATH_ROOM];

	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		MDB_env *env = NULL;
		enum err e = path_in(from, files[i], source, why);
		int rc;

		if (!e)
			e = path_in(to, files[i], copy, why);
		if (e)
			return e;
		rc = mdb_env_create(&env);
		if (!rc)
			rc = mdb_env_open(env, source, MDB_NOSUBDIR | MDB_NOTLS | MDB_RDONLY, 0600);
		if (!rc)
			rc = mdb_env_copy2(env, copy, MDB_CP_COMPACT);
		mdb_env_close(env);
		if (rc)
			return why_fail(why, ERR_IO, "cannot copy %s to %s: %s", source, copy,
			                mdb_strerror(rc));
	}
	return ERR_OK;
}
