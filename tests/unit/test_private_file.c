/* SPDX-License-Identifier: MIT */
/* Files with keys that other users can read are refused, wherever they are read. */
#include "control/net/private_file.h"

#include <sys/stat.h>

#include "control/net/tls.h"
#include "tests/unit/kms_on_disk.h"

static const char conf[] = TWO_USERS("\"rate_per_minute\":0");

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	CHECK(f && fputs(text, f) >= 0 && fclose(f) == 0);
}

static const struct {
	unsigned mode;
	bool ok;
} modes[] = {{0600, true},  {0400, true},  {0640, true},  {0440, true},  {0644, false},
             {0604, false}, {0602, false}, {0601, false}, {0660, false}, {0666, false}};

static void modes_of_a_file(void)
{
	char path[] = "/tmp/sluice-private-XXXXXX";
	int fd = mkstemp(path);
	struct why why = {""};

	REQUIRE(fd >= 0);
	close(fd);
	for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
		REQUIRE(!chmod(path, modes[i].mode));
		test_context("mode %04o", modes[i].mode);
		EXPECT_ERR(private_file_check(path, &why), modes[i].ok ? ERR_OK : ERR_DENIED);
		if (!modes[i].ok)
			EXPECT(strstr(why.text, path) && strstr(why.text, "chmod 600"));
	}
	unlink(path);
	EXPECT_OK(private_file_check(path, &why));
	EXPECT_OK(private_file_check("-", &why));
	EXPECT_OK(private_file_check("/dev/null", &why));
}

/* The credentials of a KMS, the master key of its state, and the private key of a listener. */
static void wherever_keys_are_read(void)
{
	struct office o;
	struct kms_directory *d = NULL;
	struct tls_context *tls = NULL;
	struct why why = {""};
	char path[128], master[128];

	if (!start(&o, conf))
		return;
	snprintf(path, sizeof(path), "%s/file", o.dir);
	snprintf(master, sizeof(master), "%s/master.key", o.dir);
	write_file(path, conf);
	close_office(&o);
	for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
		struct kms_store_disk *disk = NULL;
		struct tls_config c = {
			.role = TLS_SERVER, .cert_file = "/nowhere", .key_file = path};
		enum err e;

		REQUIRE(!chmod(path, modes[i].mode) && !chmod(master, modes[i].mode));
		test_context("mode %04o", modes[i].mode);
		EXPECT_ERR(kms_conf_load(&d, path, &why), modes[i].ok ? ERR_OK : ERR_DENIED);
		kms_directory_free(d);
		d = NULL;
		e = kms_store_disk_open(&disk, &(struct kms_store_disk_config){.path = o.dir},
		                        &why);
		EXPECT_ERR(e, modes[i].ok ? ERR_OK : ERR_DENIED);
		if (e)
			EXPECT(strstr(why.text, "master.key"));
		else
			kms_store_disk_close(disk);
		/* A private key of a good mode gets as far as the certificate. */
		EXPECT_ERR(tls_context_new(&tls, &c, &why), modes[i].ok ? ERR_IO : ERR_DENIED);
	}
	REQUIRE(!chmod(master, 0600) && open_office(&o));
	unlink(path);
	end(&o);
}

TEST_MAIN("private_file", {"modes of a file", modes_of_a_file},
          {"wherever keys are read", wherever_keys_are_read})
