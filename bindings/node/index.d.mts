import * as libvault from './index.js';

export * from './index.js';
export default libvault;
