// SmartFin's one-time codes for a front end: import this file. It also defines <phone-verification>.

import { ApiError, configure, forgotPasswordOTP, registerWithOTP, sendOTP, verifyOTP } from "./client.js";
import { PhoneVerification } from "./phone-verification.js";

export { ApiError, configure, forgotPasswordOTP, PhoneVerification, registerWithOTP, sendOTP, verifyOTP };

/** The same functions on one object, for `import api from …`. */
const api = { configure, forgotPasswordOTP, registerWithOTP, sendOTP, verifyOTP };

export default api;
