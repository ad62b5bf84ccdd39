import { openNative } from '../../src/git/index.ts';
import { backendContract } from './backend.contract.ts';

backendContract((options) => openNative({ ...options, environment: process.env }));
