/* A PKCS #11 module that passes every call on to the one named by REAL_MODULE, with the faults of a token: the file
 * named by TOKEN_FAULT holds a word that is read at each call. "slow N" waits N seconds before a signature, "wrong"
 * spoils signatures, "gone" answers CKR_TOKEN_NOT_PRESENT; once it is back, the sessions from before are dead. Each
 * login leaves a byte in the file named by TOKEN_LOGINS. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef unsigned long CK_ULONG;
enum { OPEN_SESSION = 12, CLOSE_ALL_SESSIONS = 14, LOGIN = 18, FIND_OBJECTS_INIT = 26, SIGN_INIT = 42, SIGN = 43, FUNCTIONS = 68 };
enum { TOKEN_NOT_PRESENT = 0xE0 };
struct function_list { unsigned char version[2]; void *functions[FUNCTIONS]; };

static struct function_list *real, faulty;
static CK_ULONG slot;
static int was_gone;

static void fault(char *word, size_t size) {
    const char *path = getenv("TOKEN_FAULT");
    FILE *file = path ? fopen(path, "r") : NULL;
    word[0] = 0;
    if (file) {
        if (!fgets(word, (int)size, file)) word[0] = 0;
        fclose(file);
    }
}

static int gone(void) {
    char word[64];
    fault(word, sizeof word);
    if (strncmp(word, "gone", 4) != 0) return 0;
    if (!was_gone) ((CK_ULONG(*)(CK_ULONG))real->functions[CLOSE_ALL_SESSIONS])(slot);
    was_gone = 1;
    return 1;
}

static CK_ULONG open_session(CK_ULONG id, CK_ULONG flags, void *a, void *b, CK_ULONG *session) {
    slot = id;
    if (gone()) return TOKEN_NOT_PRESENT;
    was_gone = 0;
    return ((CK_ULONG(*)(CK_ULONG, CK_ULONG, void *, void *, CK_ULONG *))real->functions[OPEN_SESSION])(id, flags, a, b, session);
}

static CK_ULONG login(CK_ULONG session, CK_ULONG user, void *pin, CK_ULONG length) {
    const char *path = getenv("TOKEN_LOGINS");
    FILE *file = path ? fopen(path, "a") : NULL;
    CK_ULONG answer = ((CK_ULONG(*)(CK_ULONG, CK_ULONG, void *, CK_ULONG))real->functions[LOGIN])(session, user, pin, length);
    if (file) {
        if (answer != 0x100) fputc('.', file); /* not CKR_USER_ALREADY_LOGGED_IN */
        fclose(file);
    }
    return answer;
}

static CK_ULONG find_objects_init(CK_ULONG session, void *template, CK_ULONG count) {
    if (gone()) return TOKEN_NOT_PRESENT;
    return ((CK_ULONG(*)(CK_ULONG, void *, CK_ULONG))real->functions[FIND_OBJECTS_INIT])(session, template, count);
}

static CK_ULONG sign_init(CK_ULONG session, void *mechanism, CK_ULONG key) {
    char word[64];
    if (gone()) return TOKEN_NOT_PRESENT;
    fault(word, sizeof word);
    if (strncmp(word, "slow ", 5) == 0) sleep((unsigned)atoi(word + 5));
    return ((CK_ULONG(*)(CK_ULONG, void *, CK_ULONG))real->functions[SIGN_INIT])(session, mechanism, key);
}

static CK_ULONG sign(CK_ULONG session, void *data, CK_ULONG length, unsigned char *signature, CK_ULONG *size) {
    char word[64];
    CK_ULONG answer = ((CK_ULONG(*)(CK_ULONG, void *, CK_ULONG, void *, CK_ULONG *))real->functions[SIGN])(
        session, data, length, signature, size);
    fault(word, sizeof word);
    if (answer == 0 && signature && strncmp(word, "wrong", 5) == 0) signature[5] ^= 1;
    return answer;
}

CK_ULONG C_GetFunctionList(struct function_list **list) {
    void *module = dlopen(getenv("REAL_MODULE"), RTLD_NOW);
    CK_ULONG (*get)(struct function_list **) = module ? (CK_ULONG(*)(struct function_list **))dlsym(module, "C_GetFunctionList") : NULL;
    if (!get || get(&real) != 0) return 5; /* CKR_GENERAL_ERROR */
    faulty = *real;
    faulty.functions[OPEN_SESSION] = (void *)open_session;
    faulty.functions[LOGIN] = (void *)login;
    faulty.functions[FIND_OBJECTS_INIT] = (void *)find_objects_init;
    faulty.functions[SIGN_INIT] = (void *)sign_init;
    faulty.functions[SIGN] = (void *)sign;
    *list = &faulty;
    return 0;
}
